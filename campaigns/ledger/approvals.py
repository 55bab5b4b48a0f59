"""Approvals: a decision is a record over exactly what was shown, and is checked again at dispatch."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta

from sqlmodel import Session, col, select

from campaigns.ledger.errors import ApprovalInvalid
from campaigns.ledger.experiments import Experiments
from campaigns.ledger.records import (
    ApprovalRecord,
    ExperimentRecord,
    Lease,
    approval_record,
    experiment_record,
)
from campaigns.ledger.states import State
from campaigns.ledger.store import iso
from campaigns.ledger.tables import ApprovalRow, ExperimentRow, MicrographRow

Limits = Mapping[str, object]
"""The lab's limits as they are now, by set-point: dataclasses, numbers or texts; they are only compared."""


class Approvals(Experiments):
    """Approving, rejecting, and dispatching on an approval that still holds."""

    def approve(
        self,
        experiment_id: str,
        *,
        author: str,
        role: str,
        limits: Limits,
        expires_h: float,
        reason: str = "",
        lease: Lease | None = None,
    ) -> ApprovalRecord:
        """Approve a proposed experiment as it stands, under ``limits``, for ``expires_h`` hours.

        Errors: :class:`StaleTransition` when it is no longer proposed.
        """
        with self._write() as session:
            self._swap(session, experiment_id, State.PROPOSED, State.APPROVED, author, reason, lease)
            row = self._experiment_row(session, experiment_id)
            return self._decide(session, row, "approved", author, role, limits, expires_h, reason)

    def reject(
        self, experiment_id: str, *, author: str, role: str, limits: Limits, reason: str
    ) -> ApprovalRecord:
        """Reject a proposed experiment, for good. Errors: :class:`StaleTransition`."""
        with self._write() as session:
            self._swap(session, experiment_id, State.PROPOSED, State.REJECTED, author, reason)
            row = self._experiment_row(session, experiment_id)
            return self._decide(session, row, "rejected", author, role, limits, 0.0, reason)

    def check_approval(self, experiment_id: str, *, limits: Limits) -> ApprovalRecord:
        """The approval of an experiment, if it still holds.

        Errors: :class:`ApprovalInvalid` when there is none, it expired, or conditions, limits, model
        version or predicted micrographs are not those that were approved.
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

    def _decide(
        self,
        session: Session,
        row: ExperimentRow,
        decision: str,
        author: str,
        role: str,
        limits: Limits,
        expires_h: float,
        reason: str,
    ) -> ApprovalRecord:
        grounds = self._grounds(session, row, limits)
        now = self._now()
        approval = ApprovalRow(
            simulated=self.simulated,
            campaign_id=row.campaign_id,
            experiment_id=row.id,
            decision=decision,
            author=author,
            role=role,
            at=iso(now),
            expires_at=iso(now + timedelta(hours=expires_h)),
            hash=_sha256(grounds),
            grounds=grounds,
            reason=reason,
        )
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
        if _sha256(approval.grounds) != approval.hash:
            raise ApprovalInvalid(
                f"The approval record of {row.id} does not match its own checksum; ask for a new one."
            )
        now = self._grounds(session, row, limits)
        if now != approval.grounds:
            then, after = json.loads(approval.grounds), json.loads(now)
            different = ", ".join(name for name in after if after[name] != then.get(name))
            raise ApprovalInvalid(
                f"What {approval.author} approved for {row.id} is not what would be dispatched "
                f"({different} changed); ask for a new approval."
            )
        return approval_record(approval)

    def _grounds(self, session: Session, row: ExperimentRow, limits: Limits) -> str:
        """What an approval is about, as canonical JSON."""
        query = (
            select(MicrographRow)
            .where(MicrographRow.experiment_id == row.id, MicrographRow.kind == "predicted")
            .order_by(col(MicrographRow.magnification), col(MicrographRow.field))
        )
        predicted = [
            [picture.magnification, picture.field, picture.sha256] for picture in session.exec(query)
        ]
        grounds = {
            "experiment": row.id,
            "conditions": row.conditions,
            "units": row.units,
            "limits": _plain(limits),
            "model": row.model_version,
            "predicted": predicted,
        }
        return json.dumps(grounds, sort_keys=True, ensure_ascii=False)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    """Limits in JSON's own types; what has no such form is told by its text, so that a change still shows."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return repr(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)
