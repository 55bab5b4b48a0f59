"""Devices of a lab that several experiments share: one queue for each kind, first come, first served."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, update
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from campaigns.ledger.errors import LedgerError
from campaigns.ledger.leases import Leases
from campaigns.ledger.records import DeviceLease, Lease
from campaigns.ledger.store import iso
from campaigns.ledger.tables import DeviceLeaseRow, LeaseRow

GRACE_S = 300.0
"""How long a worker may wait for a database that is away, and be alive although its lease has run out."""


class DeviceLeases(Leases):
    """Queueing for a device, having it, and giving it back.

    A place in the queue, and the device that was had for it, last as long as the lease of the worker that
    asked, and :data:`GRACE_S` more: a worker that died holds nothing. What its reactor still does is for the
    reactor to say.
    """

    def queue(self, lab: str, kind: str, experiment_id: str, lease: Lease) -> DeviceLease:
        """A place at the end of the queue for a ``kind`` of device. Errors: :class:`LeaseLost`."""
        with self._write() as session:
            self._check_lease(session, lease)
            row = DeviceLeaseRow(
                simulated=self.simulated,
                lab=lab,
                kind=kind,
                campaign_id=lease.campaign_id,
                experiment_id=experiment_id,
                token=lease.token,
                asked_at=self._at(),
            )
            session.add(row)
            session.flush()
            return _record(row)

    def take(
        self, place: DeviceLease, free: Sequence[str], *, out_of_turn: bool = False
    ) -> DeviceLease | None:
        """One of the devices in ``free`` that nobody has; None while others come first, or have them all.

        ``out_of_turn`` is for a batch that is in its reactor already. Errors: :class:`LedgerError` when the
        place is lost, because its worker's lease had run out.
        """
        with self._write() as session:
            session.execute(
                delete(DeviceLeaseRow)
                .where(col(DeviceLeaseRow.token).not_in(self._in_force()), col(DeviceLeaseRow.id) != place.id)
                .execution_options(synchronize_session=False)
            )
            same = (DeviceLeaseRow.lab == place.lab, DeviceLeaseRow.kind == place.kind)
            taken = set(session.exec(select(DeviceLeaseRow.device).where(*same)))
            first = session.exec(
                select(func.min(DeviceLeaseRow.id)).where(*same, DeviceLeaseRow.device == "")
            ).one()
            row = session.get(DeviceLeaseRow, place.id, populate_existing=True)
            if row is None or row.asked_at != place.asked_at:
                raise LedgerError(
                    f"{place.experiment_id} lost its place in the queue for a {place.kind}, because its "
                    "worker was away for too long; give the same command again."
                )
            device = next((one for one in free if one not in taken), None)
            if device is None or not (out_of_turn or first == row.id):
                return None
            session.execute(
                update(DeviceLeaseRow)
                .where(col(DeviceLeaseRow.id) == row.id)
                .values(device=device, taken_at=self._at())
                .execution_options(synchronize_session=False)
            )
            session.refresh(row)
            return _record(row)

    def give_back(self, place: DeviceLease) -> None:
        """Leave the queue, or the device that was had."""
        with self._write() as session:
            session.execute(
                delete(DeviceLeaseRow)
                # Numbers are given again: the place may have been lost, and be another's now.
                .where(col(DeviceLeaseRow.id) == place.id, col(DeviceLeaseRow.asked_at) == place.asked_at)
                .execution_options(synchronize_session=False)
            )

    def device_leases(self, lab: str | None = None) -> tuple[DeviceLease, ...]:
        """Who has which device, and who waits for one, in order; of workers whose lease is in force."""
        query = select(DeviceLeaseRow).where(col(DeviceLeaseRow.token).in_(self._in_force()))
        if lab is not None:
            query = query.where(DeviceLeaseRow.lab == lab)
        with self._read() as session:
            return tuple(_record(row) for row in session.exec(query.order_by(col(DeviceLeaseRow.id))))

    def _in_force(self) -> SelectOfScalar[str]:
        """The tokens of workers that may be alive."""
        late = iso(self._now() - timedelta(seconds=GRACE_S))
        return select(LeaseRow.token).where(LeaseRow.expires_at > late)


def _record(row: DeviceLeaseRow) -> DeviceLease:
    assert row.id is not None
    return DeviceLease(**row.model_dump(exclude={"simulated", "token"}))
