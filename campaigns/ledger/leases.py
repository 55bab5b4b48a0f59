"""Leases: one worker at a time drives a campaign."""

import secrets
from datetime import timedelta

from sqlalchemy import CursorResult, Result, delete, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from campaigns.ledger.errors import LeaseHeld, LeaseLost
from campaigns.ledger.records import Lease
from campaigns.ledger.store import Store, iso
from campaigns.ledger.tables import LeaseRow


class Leases(Store):
    """Taking, renewing and giving back the right to drive a campaign."""

    def acquire_lease(self, campaign_id: str, holder: str, *, seconds: float = 60.0) -> Lease:
        """The lease of a campaign, free or expired, or one that this ``holder`` had.

        ``holder`` names one process for good (host, pid and start time), so that a restarted worker is
        another.
        Errors: :class:`LeaseHeld` while somebody else's is in force.
        """
        lease = Lease(campaign_id, holder, secrets.token_hex(16), self._until(seconds))
        values = {"holder": holder, "token": lease.token, "expires_at": lease.expires_at}
        with self._write() as session:
            taken = session.execute(
                update(LeaseRow)
                .where(col(LeaseRow.campaign_id) == campaign_id)
                .where(or_(col(LeaseRow.expires_at) <= self._at(), col(LeaseRow.holder) == holder))
                .values(**values)
                .execution_options(synchronize_session=False)
            )
            if row_count(taken) == 1:
                return lease
            held = session.exec(select(LeaseRow).where(LeaseRow.campaign_id == campaign_id)).first()
            if held is not None:
                raise LeaseHeld(
                    f"The campaign {campaign_id} is driven by {held.holder} until {held.expires_at}; "
                    "wait for it to end, or stop it."
                )
            session.add(LeaseRow(simulated=self.simulated, campaign_id=campaign_id, **values))
            try:
                session.flush()
            except IntegrityError as failure:
                raise LeaseHeld(
                    f"The campaign {campaign_id} was taken by another worker just now; wait for it to end."
                ) from failure
        return lease

    def renew_lease(self, lease: Lease, *, seconds: float = 60.0) -> Lease:
        """The same lease with a later end. Errors: :class:`LeaseLost`, when somebody took it."""
        expires_at = self._until(seconds)
        with self._write() as session:
            renewed = session.execute(
                update(LeaseRow)
                .where(col(LeaseRow.campaign_id) == lease.campaign_id, col(LeaseRow.token) == lease.token)
                .values(expires_at=expires_at)
                .execution_options(synchronize_session=False)
            )
            if row_count(renewed) != 1:
                raise _lost(lease)
        return Lease(lease.campaign_id, lease.holder, lease.token, expires_at)

    def release_lease(self, lease: Lease) -> None:
        """Give a lease back; one that was lost already is none of ours."""
        with self._write() as session:
            session.execute(
                delete(LeaseRow)
                .where(col(LeaseRow.campaign_id) == lease.campaign_id, col(LeaseRow.token) == lease.token)
                .execution_options(synchronize_session=False)
            )

    def lease_of(self, campaign_id: str) -> Lease | None:
        """The lease of a campaign, in force or run out; None where nobody drives it."""
        with self._read() as session:
            row = session.exec(select(LeaseRow).where(LeaseRow.campaign_id == campaign_id)).first()
            return None if row is None else Lease(row.campaign_id, row.holder, row.token, row.expires_at)

    def _check_lease(self, session: Session, lease: Lease | None) -> None:
        """Fencing: inside the transaction that writes, the lease must still be this worker's.

        An expired lease that nobody took is still good: nobody else drives the campaign.
        """
        if lease is None:
            return
        query = (
            select(LeaseRow.token)
            .where(LeaseRow.campaign_id == lease.campaign_id, LeaseRow.token == lease.token)
            .with_for_update()
        )
        if session.exec(query).first() is None:
            raise _lost(lease)

    def _until(self, seconds: float) -> str:
        return iso(self._now() + timedelta(seconds=seconds))


def row_count(result: Result[tuple[object, ...]]) -> int:
    """Number of rows that an UPDATE changed."""
    assert isinstance(result, CursorResult)
    return result.rowcount


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"{lease.holder} no longer drives the campaign {lease.campaign_id}: its lease ran out or was given "
        "back, and nothing was changed."
    )
