"""Campaign rows: one for each run of a campaign file."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from campaigns.ledger.chain import append
from campaigns.ledger.devices import DeviceLeases
from campaigns.ledger.errors import IllegalTransition, NotFound, StaleTransition
from campaigns.ledger.leases import row_count
from campaigns.ledger.records import (
    CampaignRecord,
    HistoryRecord,
    Lease,
    campaign_record,
    history_record,
    target_json,
)
from campaigns.ledger.states import FINAL_STATUSES, LEGAL_STATUS, CampaignState
from campaigns.ledger.tables import CampaignRow, HistoryRow
from models.values import Target


class Campaigns(DeviceLeases):
    """Starting, finding and ending campaigns."""

    def start_campaign(
        self,
        *,
        name: str,
        seed: int,
        specification: str,
        digest: str,
        lab: str,
        targets: Sequence[Target],
        units: Mapping[str, str],
        author: str,
    ) -> CampaignRecord:
        """A new campaign, ``running``; ``units`` are those of the parameters and descriptors it names."""
        with self._write() as session:
            latest = session.exec(
                select(func.max(CampaignRow.run)).where(CampaignRow.name == name, CampaignRow.seed == seed)
            ).one()
            run, at = (latest or 0) + 1, self._at()
            row = CampaignRow(
                simulated=self.simulated,
                id=f"{name}-s{seed}-r{run}",
                name=name,
                seed=seed,
                run=run,
                status=CampaignState.RUNNING,
                specification=specification,
                digest=digest,
                lab=lab,
                targets=[target_json(target) for target in targets],
                units=dict(units),
                created_at=at,
                updated_at=at,
            )
            session.add(row)
            session.flush()
            self._note(session, row.id, "", CampaignState.RUNNING, author, "started")
            return campaign_record(row)

    def resumable(self, *, name: str, seed: int, digest: str) -> CampaignRecord | None:
        """The newest unfinished campaign of the same file and seed, to go on with."""
        query = (
            select(CampaignRow)
            .where(CampaignRow.name == name, CampaignRow.seed == seed, CampaignRow.digest == digest)
            .where(col(CampaignRow.status).not_in(sorted(FINAL_STATUSES)))
            .order_by(col(CampaignRow.run).desc())
        )
        with self._read() as session:
            row = session.exec(query).first()
            return campaign_record(row) if row else None

    def campaign(self, campaign_id: str) -> CampaignRecord:
        """One campaign. Errors: :class:`NotFound`."""
        with self._read() as session:
            return campaign_record(self._campaign_row(session, campaign_id))

    def campaigns(self) -> tuple[CampaignRecord, ...]:
        """All campaigns, the newest first."""
        query = select(CampaignRow).order_by(col(CampaignRow.created_at).desc(), col(CampaignRow.id).desc())
        with self._read() as session:
            return tuple(campaign_record(row) for row in session.exec(query))

    def set_status(
        self,
        campaign_id: str,
        from_status: CampaignState | str,
        to_status: CampaignState | str,
        *,
        author: str,
        reason: str,
        lease: Lease | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> CampaignRecord:
        """Move a campaign by compare-and-swap, with its history row, which keeps the ``facts``.

        Errors: :class:`IllegalTransition`, :class:`StaleTransition`, :class:`LeaseLost`, :class:`NotFound`.
        """
        old, new = CampaignState(from_status), CampaignState(to_status)
        if new not in LEGAL_STATUS[old]:
            raise IllegalTransition(f"A campaign that is {old} cannot become {new}.")
        with self._write() as session:
            self._check_lease(session, lease)
            changed = session.execute(
                update(CampaignRow)
                .where(col(CampaignRow.id) == campaign_id, col(CampaignRow.status) == old)
                .values(status=new, reason=reason, updated_at=self._at())
                .execution_options(synchronize_session=False)
            )
            row = self._campaign_row(session, campaign_id)
            if row_count(changed) != 1:
                raise StaleTransition(
                    f"The campaign {campaign_id} is {row.status}, no longer {old}, so it was not made {new}."
                )
            self._note(session, campaign_id, old, new, author, reason, facts)
            return campaign_record(row)

    def add_time(self, campaign_id: str, *, virtual_hours: float | None = None, seconds: float = 0.0) -> None:
        """Set the lab hours spent in all, and add wall seconds."""
        values: dict[str, object] = {"seconds": CampaignRow.seconds + seconds, "updated_at": self._at()}
        if virtual_hours is not None:
            values["virtual_hours"] = virtual_hours
        self._set(campaign_id, values)

    def set_report(self, campaign_id: str, report: str) -> None:
        """Note where the campaign's report lies."""
        self._set(campaign_id, {"report": report, "updated_at": self._at()})

    def history(self, campaign_id: str, experiment_id: str | None = None) -> tuple[HistoryRecord, ...]:
        """All moves of a campaign and its experiments, or of one experiment, the oldest first."""
        query = select(HistoryRow).where(HistoryRow.campaign_id == campaign_id).order_by(col(HistoryRow.id))
        if experiment_id is not None:
            query = query.where(HistoryRow.experiment_id == experiment_id)
        with self._read() as session:
            return tuple(history_record(row) for row in session.exec(query))

    def _set(self, campaign_id: str, values: dict[str, object]) -> None:
        with self._write() as session:
            self._campaign_row(session, campaign_id)
            session.execute(
                update(CampaignRow)
                .where(col(CampaignRow.id) == campaign_id)
                .values(**values)
                .execution_options(synchronize_session=False)
            )
            session.expire_all()

    def _campaign_row(self, session: Session, campaign_id: str) -> CampaignRow:
        row = session.get(CampaignRow, campaign_id, populate_existing=True)
        if row is None:
            known = session.exec(
                select(CampaignRow.id).order_by(col(CampaignRow.created_at).desc()).limit(5)
            ).all()
            raise NotFound(
                f"There is no campaign {campaign_id} in this ledger; the latest are: "
                f"{', '.join(known) or 'none'}."
            )
        return row

    def _note(
        self,
        session: Session,
        campaign_id: str,
        old: str,
        new: str,
        author: str,
        reason: str,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        append(
            session,
            HistoryRow(
                simulated=self.simulated,
                campaign_id=campaign_id,
                from_state=old,
                to_state=new,
                revision=0,
                at=self._at(),
                author=author,
                reason=reason,
                facts=dict(facts or {}),
                hash="",
            ),
        )
