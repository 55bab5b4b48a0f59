"""Experiments and their moves: one compare-and-swap and one history row in one transaction."""

import hashlib
import json
import secrets
from collections.abc import Mapping

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from campaigns.ledger.campaigns import Campaigns
from campaigns.ledger.chain import append
from campaigns.ledger.errors import IllegalTransition, LedgerError, NotFound, StaleTransition
from campaigns.ledger.leases import row_count
from campaigns.ledger.records import ExperimentRecord, Lease, experiment_record
from campaigns.ledger.states import LEGAL, State
from campaigns.ledger.tables import ExperimentRow, HistoryRow
from models.values import Conditions

FACTS = frozenset(
    {"reactor_starts", "fields", "representative", "lab_started_at", "lab_finished_at", "reached"}
)
"""Facts that a transition keeps on the experiment's row; any others are kept in its history row alone."""


class Experiments(Campaigns):
    """Proposing experiments, reading them, and moving them through their states."""

    def propose(
        self,
        campaign_id: str,
        *,
        index: int,
        conditions: Conditions,
        units: Mapping[str, str],
        model_version: str,
        author: str,
        reason: str = "",
        objective: float | None = None,
        manifold_distance: float | None = None,
        edited_from: str | None = None,
        lease: Lease | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> ExperimentRecord:
        """A new experiment in the state ``proposed``; ``index`` counts from 1 within the campaign.

        ``edited_from`` is the proposal that a person changed into this one; ``facts`` go into the history.
        Errors: :class:`LedgerError` when the campaign has an experiment with that index already.
        """
        with self._write() as session:
            self._check_lease(session, lease)
            self._campaign_row(session, campaign_id)
            at = self._at()
            row = ExperimentRow(
                simulated=self.simulated,
                id=f"{campaign_id}-{index:03d}",
                campaign_id=campaign_id,
                index=index,
                state=State.PROPOSED,
                reason=reason,
                conditions=dict(conditions),
                units=dict(units),
                model_version=model_version,
                objective=objective,
                manifold_distance=manifold_distance,
                edited_from=edited_from,
                created_at=at,
                updated_at=at,
            )
            if session.get(ExperimentRow, row.id) is not None:
                raise LedgerError(
                    f"The campaign {campaign_id} has an experiment {index} already; read it instead."
                )
            session.add(row)
            try:
                session.flush()
            except IntegrityError as failure:
                raise LedgerError(f"The experiment {row.id} cannot be added ({failure.orig}).") from failure
            self._move(session, row, "", author, reason, dict(facts or {}))
            return experiment_record(row)

    def experiment(self, experiment_id: str) -> ExperimentRecord:
        """One experiment. Errors: :class:`NotFound`."""
        with self._read() as session:
            return experiment_record(self._experiment_row(session, experiment_id))

    def experiments(self, campaign_id: str) -> tuple[ExperimentRecord, ...]:
        """All experiments of a campaign, by index."""
        query = (
            select(ExperimentRow)
            .where(ExperimentRow.campaign_id == campaign_id)
            .order_by(col(ExperimentRow.index))
        )
        with self._read() as session:
            return tuple(experiment_record(row) for row in session.exec(query))

    def transition(
        self,
        experiment_id: str,
        from_state: State | str,
        to_state: State | str,
        *,
        author: str,
        reason: str = "",
        lease: Lease | None = None,
        revision: int | None = None,
        **facts: object,
    ) -> ExperimentRecord:
        """Move an experiment, if it is still in ``from_state`` (and at ``revision``, where given).

        ``facts`` are kept with the history row, and on the experiment where it has such a column. The moves
        to ``approved`` and to ``dispatching`` for the first time are made by :meth:`approve` and
        :meth:`mint_dispatch_key` alone.
        Errors: :class:`IllegalTransition`, :class:`StaleTransition`, :class:`LeaseLost`, :class:`NotFound`.
        """
        old, new = State(from_state), State(to_state)
        if new is State.APPROVED or (old is State.APPROVED and new is State.DISPATCHING):
            raise IllegalTransition(
                f"An experiment becomes {new} only through an approval that was recorded and checked."
            )
        with self._write() as session:
            return self._swap(session, experiment_id, old, new, author, reason, lease, revision, facts)

    def _swap(
        self,
        session: Session,
        experiment_id: str,
        old: State,
        new: State,
        author: str,
        reason: str,
        lease: Lease | None = None,
        revision: int | None = None,
        facts: Mapping[str, object] | None = None,
        **columns: object,
    ) -> ExperimentRecord:
        if new not in LEGAL[old]:
            legal = ", ".join(sorted(LEGAL[old])) or "nothing: it is final"
            raise IllegalTransition(
                f"An experiment that is {old} cannot become {new}; it may become {legal}."
            )
        self._check_lease(session, lease)
        known = dict(facts or {})
        columns |= {name: value for name, value in known.items() if name in FACTS}
        statement = (
            update(ExperimentRow)
            .where(col(ExperimentRow.id) == experiment_id, col(ExperimentRow.state) == old)
            .values(
                state=new,
                revision=ExperimentRow.revision + 1,
                reason=reason,
                updated_at=self._at(),
                **columns,
            )
            .execution_options(synchronize_session=False)
        )
        if revision is not None:
            statement = statement.where(col(ExperimentRow.revision) == revision)
        moved = row_count(session.execute(statement))
        row = self._experiment_row(session, experiment_id)
        if moved != 1:
            raise StaleTransition(
                f"The experiment {experiment_id} is {row.state} (revision {row.revision}), no longer {old}"
                f"{'' if revision is None else f' at revision {revision}'}, so it was not made {new}; "
                "read it again."
            )
        self._move(session, row, old, author, reason, known)
        return experiment_record(row)

    def _move(
        self,
        session: Session,
        row: ExperimentRow,
        old: str,
        author: str,
        reason: str,
        facts: dict[str, object],
    ) -> None:
        append(
            session,
            HistoryRow(
                simulated=self.simulated,
                campaign_id=row.campaign_id,
                experiment_id=row.id,
                from_state=old,
                to_state=row.state,
                revision=row.revision,
                at=self._at(),
                author=author,
                reason=reason,
                facts=facts,
                hash="",
            ),
        )

    def _experiment_row(self, session: Session, experiment_id: str) -> ExperimentRow:
        row = session.get(ExperimentRow, experiment_id, populate_existing=True)
        if row is None:
            raise NotFound(f"There is no experiment {experiment_id} in this ledger.")
        return row

    def _new_key(self, row: ExperimentRow) -> str:
        # A simulated lab repeats itself key by key for one seed; on a real reactor no two keys may ever be
        # alike, not even after a ledger was lost.
        if self.simulated:
            text = json.dumps([row.id, row.conditions], sort_keys=True)
            return f"{row.id}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        return f"{row.id}-{secrets.token_hex(4)}"
