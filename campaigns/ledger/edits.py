"""Edits: a person's own conditions in place of a proposal; they are predicted before they are approved."""

from collections.abc import Mapping, Sequence

from sqlalchemy import update
from sqlmodel import col, func, select

from campaigns.ledger.errors import StaleTransition
from campaigns.ledger.evidence import Evidence
from campaigns.ledger.grounds import Limits
from campaigns.ledger.leases import row_count
from campaigns.ledger.records import ExperimentRecord, Lease, Micrograph, Prediction, experiment_record
from campaigns.ledger.states import State
from campaigns.ledger.tables import ExperimentRow
from models.values import Conditions


class Edits(Evidence):
    """Editing a proposal, and predicting what was edited."""

    def edit(
        self,
        experiment_id: str,
        conditions: Conditions,
        *,
        author: str,
        role: str,
        limits: Limits,
        reason: str,
        shown: str | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> ExperimentRecord:
        """Reject a proposal and propose ``conditions`` in its place, as a new experiment, in one transaction.

        Nothing is predicted for it yet: :meth:`foresee` records that, and until then it can be rejected or
        edited again, but not approved. Errors: as :meth:`reject`.
        """
        with self._write() as session:
            told = f"edited by {author}" + (f": {reason}" if reason else "")
            self.reject(
                experiment_id,
                author=author,
                role=role,
                limits=limits,
                reason=told,
                shown=shown,
                facts=facts,
            )
            row = self._experiment_row(session, experiment_id)
            last = session.exec(
                select(func.max(ExperimentRow.index)).where(ExperimentRow.campaign_id == row.campaign_id)
            ).one()
            return self.propose(
                row.campaign_id,
                index=last + 1,
                conditions=conditions,
                units=row.units,
                model_version="",
                author=author,
                reason=f"{told} (was experiment {row.index})",
                edited_from=row.id,
                facts={**(facts or {}), "role": role},
            )

    def foresee(
        self,
        experiment_id: str,
        predictions: Sequence[Prediction],
        micrographs: Sequence[Micrograph],
        *,
        model_version: str,
        author: str,
        manifold_distance: float | None = None,
        objective: float | None = None,
        lease: Lease | None = None,
    ) -> ExperimentRecord:
        """Record what a model expects of an edited proposal, which can be approved from now on.

        Errors: :class:`StaleTransition` when it is no longer proposed, or was predicted before.
        """
        with self._write() as session:
            self._check_lease(session, lease)
            known = update(ExperimentRow).where(
                col(ExperimentRow.id) == experiment_id,
                col(ExperimentRow.state) == State.PROPOSED,
                col(ExperimentRow.model_version) == "",
            )
            changed = session.execute(
                known.values(
                    model_version=model_version,
                    manifold_distance=manifold_distance,
                    objective=objective,
                    revision=ExperimentRow.revision + 1,
                    updated_at=self._at(),
                ).execution_options(synchronize_session=False)
            )
            row = self._experiment_row(session, experiment_id)
            if row_count(changed) != 1:
                raise StaleTransition(
                    f"The experiment {experiment_id} is {row.state} and predicted by "
                    f"{row.model_version or 'nothing'}, so no other prediction was recorded."
                )
            self.record_predictions(experiment_id, predictions)
            self.record_micrographs(experiment_id, micrographs)
            self._move(session, row, row.state, author, f"predicted by {model_version}", {})
            return experiment_record(row)
