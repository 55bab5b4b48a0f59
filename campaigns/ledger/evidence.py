"""What was predicted, seen and measured for an experiment, and the models used; rows are only ever added."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlmodel import col, func, select

from campaigns.ledger.approvals import Approvals
from campaigns.ledger.errors import LedgerError
from campaigns.ledger.records import (
    Lease,
    Measurement,
    Micrograph,
    MicrographKind,
    ModelUse,
    Prediction,
    finite,
    measurement_record,
    micrograph_record,
    model_use_record,
    prediction_record,
)
from campaigns.ledger.tables import MeasurementRow, MicrographRow, ModelUseRow, PredictionRow


class Evidence(Approvals):
    """Recording is idempotent: the same record again changes nothing, another one in its place is refused."""

    def record_predictions(self, experiment_id: str, predictions: Sequence[Prediction]) -> None:
        """Keep what a model expects. Errors: :class:`LedgerError` when it expected something else before."""
        with self._write() as session:
            owner = self._experiment_row(session, experiment_id)
            known = {one.descriptor: one for one in self.predictions(experiment_id)}
            for one in predictions:
                if one.descriptor in known:
                    self._same(experiment_id, f"prediction of {one.descriptor}", known[one.descriptor], one)
                    continue
                session.add(
                    PredictionRow(
                        simulated=self.simulated,
                        campaign_id=owner.campaign_id,
                        experiment_id=experiment_id,
                        descriptor=one.descriptor,
                        unit=one.unit,
                        mean=finite(one.estimate.mean),
                        sd=finite(one.estimate.sd),
                        model_version=one.model_version,
                        at=self._at(),
                    )
                )

    def predictions(self, experiment_id: str) -> tuple[Prediction, ...]:
        """The predictions for an experiment."""
        query = select(PredictionRow).where(PredictionRow.experiment_id == experiment_id)
        with self._read() as session:
            return tuple(
                prediction_record(row) for row in session.exec(query.order_by(col(PredictionRow.id)))
            )

    def record_micrographs(self, experiment_id: str, micrographs: Sequence[Micrograph]) -> None:
        """Keep images by checksum. Errors: :class:`LedgerError` when a field has another checksum already."""
        with self._write() as session:
            owner = self._experiment_row(session, experiment_id)
            known = {(one.kind, one.magnification, one.field): one for one in self.micrographs(experiment_id)}
            for one in micrographs:
                there = known.get((one.kind, one.magnification, one.field))
                if there is not None:
                    name = f"{one.kind} micrograph {one.magnification:g}× field {one.field}"
                    self._same(experiment_id, name, there.sha256, one.sha256)
                    continue
                session.add(
                    MicrographRow(
                        simulated=self.simulated,
                        campaign_id=owner.campaign_id,
                        experiment_id=experiment_id,
                        kind=one.kind,
                        magnification=one.magnification,
                        field=one.field,
                        path=str(one.path),
                        sha256=one.sha256,
                        pixel_size_um=one.pixel_size_um,
                        acquired_at=one.acquired_at,
                        at=self._at(),
                    )
                )

    def reject_micrograph(
        self,
        experiment_id: str,
        micrograph: Micrograph,
        *,
        author: str,
        reason: str,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        """Keep an image that cannot be measured, as evidence, and why in the experiment's history.

        One that was measured before counts as measured no more.
        """
        with self._write() as session:
            row = self._experiment_row(session, experiment_id)
            known = self.micrographs(experiment_id, kind="rejected", magnification=micrograph.magnification)
            self.record_micrographs(experiment_id, [replace(micrograph, kind="rejected")])
            if micrograph.field not in [one.field for one in known]:
                noted: dict[str, object] = {
                    **(facts or {}),
                    "rejected_field": micrograph.field,
                    "magnification": micrograph.magnification,
                    "sha256": micrograph.sha256,
                }
                where = f"field {micrograph.field} at {micrograph.magnification:g}×"
                self._move(session, row, row.state, author, f"{where} rejected: {reason}", noted)

    def micrographs(
        self, experiment_id: str, *, kind: MicrographKind | None = None, magnification: float | None = None
    ) -> tuple[Micrograph, ...]:
        """Images of an experiment, by kind, magnification and field."""
        query = select(MicrographRow).where(MicrographRow.experiment_id == experiment_id)
        if kind is not None:
            kinds = ["measured", "rejected"] if kind == "measured" else [kind]
            query = query.where(col(MicrographRow.kind).in_(kinds))
        if magnification is not None:
            query = query.where(MicrographRow.magnification == magnification)
        order = (col(MicrographRow.kind), col(MicrographRow.magnification), col(MicrographRow.field))
        with self._read() as session:
            found = [micrograph_record(row) for row in session.exec(query.order_by(*order))]
        rejected = {(one.magnification, one.field) for one in found if one.kind == "rejected"}
        return tuple(
            one
            for one in found
            if (kind is None or one.kind == kind)
            and not (one.kind == "measured" and (one.magnification, one.field) in rejected)
        )

    def record_measurements(self, experiment_id: str, measurements: Sequence[Measurement]) -> None:
        """Keep what one look measured. Errors: :class:`LedgerError` when that look saw something else."""
        with self._write() as session:
            owner = self._experiment_row(session, experiment_id)
            known = {(one.look, one.descriptor): one for one in self.measurements(experiment_id, look="all")}
            for one in measurements:
                there = known.get((one.look, one.descriptor))
                if there is not None:
                    self._same(
                        experiment_id, f"measurement of {one.descriptor} in look {one.look}", there, one
                    )
                    continue
                interval = one.interval
                session.add(
                    MeasurementRow(
                        simulated=self.simulated,
                        campaign_id=owner.campaign_id,
                        experiment_id=experiment_id,
                        look=one.look,
                        descriptor=one.descriptor,
                        unit=one.unit,
                        value=finite(interval.value),
                        low=finite(interval.low),
                        high=finite(interval.high),
                        confidence=interval.confidence,
                        n_fields=interval.n_fields,
                        fields_needed=interval.fields_needed,
                        at=self._at(),
                    )
                )

    def note_look(
        self,
        experiment_id: str,
        look: int,
        *,
        fields: int,
        representative: bool,
        author: str,
        reason: str,
        lease: Lease | None = None,
    ) -> None:
        """Keep in the history that ``fields`` of an experiment were looked at again after it was judged.

        Its state stays, and so does what was spent on it.
        Errors: :class:`LeaseLost`, :class:`NotFound`.
        """
        with self._write() as session:
            self._check_lease(session, lease)
            row = self._experiment_row(session, experiment_id)
            row.representative = representative
            noted: dict[str, object] = {"look": look, "fields": fields, "representative": representative}
            self._move(session, row, row.state, author, reason, noted)

    def measurements(self, experiment_id: str, *, look: int | str = "latest") -> tuple[Measurement, ...]:
        """Measured descriptors: of the ``latest`` look, of one look by number, or of ``all``."""
        query = select(MeasurementRow).where(MeasurementRow.experiment_id == experiment_id)
        if look == "latest":
            newest = select(func.max(MeasurementRow.look)).where(
                MeasurementRow.experiment_id == experiment_id
            )
            query = query.where(MeasurementRow.look == newest.scalar_subquery())
        elif isinstance(look, int):
            query = query.where(MeasurementRow.look == look)
        with self._read() as session:
            return tuple(
                measurement_record(row) for row in session.exec(query.order_by(col(MeasurementRow.id)))
            )

    def record_model_use(self, campaign_id: str, use: ModelUse) -> None:
        """Keep what was done with a model version."""
        with self._write() as session:
            self._campaign_row(session, campaign_id)
            session.add(
                ModelUseRow(
                    simulated=self.simulated,
                    campaign_id=campaign_id,
                    experiment_id=use.experiment_id,
                    version=use.version,
                    parent=use.parent,
                    action=use.action,
                    metrics=dict(use.metrics or {}),
                    reason=use.reason,
                    at=use.at or self._at(),
                )
            )

    def model_uses(self, campaign_id: str) -> tuple[ModelUse, ...]:
        """All uses of models in a campaign, the oldest first."""
        query = (
            select(ModelUseRow).where(ModelUseRow.campaign_id == campaign_id).order_by(col(ModelUseRow.id))
        )
        with self._read() as session:
            return tuple(model_use_record(row) for row in session.exec(query))

    def _same(self, experiment_id: str, what: str, there: object, new: object) -> None:
        # repr, so that NaN equals NaN
        if repr(there) != repr(new):
            raise LedgerError(
                f"The ledger has another {what} of {experiment_id} already; records are only ever added, "
                "so nothing was changed."
            )
