"""Approvals: a decision is a record over exactly what was shown, and is checked again at dispatch."""

from collections.abc import Mapping
from datetime import timedelta

from sqlmodel import Session, col, select

from campaigns.ledger.chain import link
from campaigns.ledger.errors import ApprovalInvalid, StaleTransition
from campaigns.ledger.experiments import Experiments
from campaigns.ledger.grounds import Limits, changes, grounds, sha256, shown_hash
from campaigns.ledger.records import (
    ApprovalRecord,
    ExperimentRecord,
    Lease,
    approval_record,
    experiment_record,
)
from campaigns.ledger.states import State
from campaigns.ledger.store import iso
from campaigns.ledger.tables import ApprovalRow, ExperimentRow

CLOCKS_APART = timedelta(minutes=1)
"""By how much the clocks of two machines of a lab may differ."""


class Approvals(Experiments):
    """Approving, rejecting, and dispatching on an approval that still holds."""

    def shown(self, experiment_id: str, *, limits: Limits) -> str:
        """The hash of a proposal as it would be shown now; it goes back with the decision."""
        with self._read() as session:
            row = self._experiment_row(session, experiment_id)
            return shown_hash(row, grounds(session, row, limits))

    def approve(
        self,
        experiment_id: str,
        *,
        author: str,
        role: str,
        limits: Limits,
        expires_h: float,
        reason: str = "",
        shown: str | None = None,
        lease: Lease | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> ApprovalRecord:
        """Approve a proposed experiment as it stands, under ``limits``, for ``expires_h`` hours.

        With ``shown`` (of :meth:`shown`) only if it still is what was shown. ``facts`` go into the history.
        Errors: :class:`StaleTransition` when somebody else decided, :class:`ApprovalInvalid` when something
        else was shown, or when it was edited and nobody could be shown a prediction yet.
        """
        with self._write() as session:
            row = self._to_decide(session, experiment_id, limits, shown)
            if row.edited_from and not row.model_version:
                raise ApprovalInvalid(
                    f"Nothing is predicted yet for {row.id}, which was edited from {row.edited_from}, so it "
                    "cannot be approved; the campaign predicts it when it next goes on."
                )
            record = self._decision(session, row, "approved", author, role, limits, expires_h, reason)
            return self._decided(session, row, State.APPROVED, record, lease, facts)

    def reject(
        self,
        experiment_id: str,
        *,
        author: str,
        role: str,
        limits: Limits,
        reason: str,
        shown: str | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> ApprovalRecord:
        """Reject a proposed experiment, for good. Errors: as :meth:`approve`."""
        with self._write() as session:
            row = self._to_decide(session, experiment_id, limits, shown)
            record = self._decision(session, row, "rejected", author, role, limits, 0.0, reason)
            return self._decided(session, row, State.REJECTED, record, None, facts)

    def check_approval(self, experiment_id: str, *, limits: Limits) -> ApprovalRecord:
        """The approval of an experiment, if it still holds.

        Errors: :class:`ApprovalInvalid` when there is none, it expired, or conditions, limits, model
        version, predictions or predicted micrographs are not those that were approved.
        """
        with self._read() as session:
            return self._valid(session, self._experiment_row(session, experiment_id), limits)

    def mint_dispatch_key(
        self, experiment_id: str, *, limits: Limits, author: str, lease: Lease | None = None
    ) -> ExperimentRecord:
        """Approved → dispatching with a new ``dispatch_key``, committed when this returns: the lab may move.

        The approval is checked in the same transaction.
        Errors: :class:`ApprovalInvalid`, :class:`StaleTransition` (it has a key already, or is elsewhere),
        :class:`LeaseLost`.
        """
        with self._write() as session:
            row = self._experiment_row(session, experiment_id)
            key = self._new_key(row)
            moved = self._swap(
                session,
                experiment_id,
                State.APPROVED,
                State.DISPATCHING,
                author,
                "dispatch key minted",
                lease,
                facts={"dispatch_key": key},
                dispatch_key=key,
            )
            self._valid(session, row, limits)
            return moved

    def approvals(self, experiment_id: str) -> tuple[ApprovalRecord, ...]:
        """All decisions about an experiment, the oldest first."""
        query = (
            select(ApprovalRow)
            .where(ApprovalRow.experiment_id == experiment_id)
            .order_by(col(ApprovalRow.id))
        )
        with self._read() as session:
            return tuple(approval_record(row) for row in session.exec(query))

    def waiting_for_approval(self, campaign_id: str | None = None) -> tuple[ExperimentRecord, ...]:
        """Experiments that are proposed, the oldest first."""
        query = (
            select(ExperimentRow)
            .where(ExperimentRow.state == State.PROPOSED)
            .order_by(col(ExperimentRow.created_at), col(ExperimentRow.id))
        )
        if campaign_id is not None:
            query = query.where(ExperimentRow.campaign_id == campaign_id)
        with self._read() as session:
            return tuple(experiment_record(row) for row in session.exec(query))

    def _to_decide(
        self, session: Session, experiment_id: str, limits: Limits, shown: str | None
    ) -> ExperimentRow:
        """The row of an experiment that still waits for a decision, and is what was shown."""
        row = self._experiment_row(session, experiment_id)
        if row.state != State.PROPOSED:
            raise self._too_late(session, row)
        if shown is not None and shown != shown_hash(row, grounds(session, row, limits)):
            raise ApprovalInvalid(
                f"What is proposed for {row.id} is not what you were shown: conditions, limits, model or "
                "prediction changed, or it was decided and proposed again; look at it again."
            )
        return row

    def _too_late(self, session: Session, row: ExperimentRow) -> StaleTransition:
        decisions = (
            select(ApprovalRow)
            .where(ApprovalRow.experiment_id == row.id)
            .order_by(col(ApprovalRow.id).desc())
        )
        last = session.exec(decisions).first()
        what = f"{last.decision} by {last.author} at {last.at}" if last else str(row.state)
        return StaleTransition(
            f"The experiment {row.id} is {row.state} already ({what}), so this decision was not recorded."
        )

    def _decision(
        self,
        session: Session,
        row: ExperimentRow,
        decision: str,
        author: str,
        role: str,
        limits: Limits,
        expires_h: float,
        reason: str,
    ) -> ApprovalRow:
        found, now = grounds(session, row, limits), self._now()
        return ApprovalRow(
            simulated=self.simulated,
            campaign_id=row.campaign_id,
            experiment_id=row.id,
            decision=decision,
            author=author,
            role=role,
            at=iso(now),
            expires_at=iso(now + timedelta(hours=expires_h)),
            hash=sha256(found),
            grounds=found,
            reason=reason,
        )

    def _decided(
        self,
        session: Session,
        row: ExperimentRow,
        to: State,
        approval: ApprovalRow,
        lease: Lease | None,
        facts: Mapping[str, object] | None,
    ) -> ApprovalRecord:
        """Move the experiment, with a history row that vouches for the record of the decision."""
        noted = {**(facts or {}), "role": approval.role, "approval": approval_digest(approval)}
        try:
            self._swap(
                session, row.id, State.PROPOSED, to, approval.author, approval.reason, lease, facts=noted
            )
        except StaleTransition as late:
            raise self._too_late(session, self._experiment_row(session, row.id)) from late
        session.add(approval)
        session.flush()
        return approval_record(approval)

    def _valid(self, session: Session, row: ExperimentRow, limits: Limits) -> ApprovalRecord:
        query = (
            select(ApprovalRow)
            .where(ApprovalRow.experiment_id == row.id, ApprovalRow.decision == "approved")
            .order_by(col(ApprovalRow.id).desc())
        )
        approval = session.exec(query).first()
        if approval is None:
            raise ApprovalInvalid(f"The experiment {row.id} has no approval, so nothing was dispatched.")
        if self._at() >= approval.expires_at:
            raise ApprovalInvalid(
                f"The approval of {row.id} by {approval.author} expired at {approval.expires_at}; "
                "ask for a new one."
            )
        if iso(self._now() + CLOCKS_APART) < approval.at:
            # Set back, the clock would keep an approval valid for longer than the person gave it.
            raise ApprovalInvalid(
                f"The approval of {row.id} by {approval.author} was given at {approval.at}, later than it is "
                "now: the clock was set back; ask for a new one."
            )
        if sha256(approval.grounds) != approval.hash:
            raise ApprovalInvalid(
                f"The approval record of {row.id} does not match its own checksum; ask for a new one."
            )
        now = grounds(session, row, limits)
        if now != approval.grounds:
            raise ApprovalInvalid(
                f"What {approval.author} approved for {row.id} is not what would be dispatched "
                f"({changes(approval.grounds, now)} changed); ask for a new approval."
            )
        return approval_record(approval)


def approval_digest(row: ApprovalRow) -> str:
    """The SHA-256 (hex) of a decision's record, which the history row of the same transaction keeps."""
    return link("", row.model_dump(exclude={"id"}))
