"""A campaign's status as people and scripts read it: the object of ``dry-run --json``."""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from campaigns.decisions.comparison import discrepancy
from campaigns.ledger.audit import Audit
from campaigns.ledger.records import (
    CampaignRecord,
    ExperimentRecord,
    Measurement,
    Prediction,
    finite,
    measurement_record,
    prediction_record,
)
from campaigns.ledger.states import CampaignState, State
from campaigns.ledger.tables import (
    ApprovalRow,
    CampaignRow,
    HistoryRow,
    MeasurementRow,
    MicrographRow,
    ModelUseRow,
    PredictionRow,
)
from models.values import Conditions, Target

_Row = TypeVar("_Row", PredictionRow, MeasurementRow)

_CUT_SHORT = (State.FAILED, State.ABORTED, State.REJECTED, State.UNKNOWN)


@dataclass(frozen=True)
class PredictedValue:
    """A predicted descriptor in ``unit``; None where it is undefined."""

    mean: float | None
    sd: float | None
    unit: str


@dataclass(frozen=True)
class MeasuredValue:
    """A measured descriptor in ``unit`` with its confidence interval (low, high); None where undefined."""

    value: float | None
    ci: tuple[float | None, float | None]
    unit: str
    confidence: float
    n_fields: int


@dataclass(frozen=True)
class WantedValue:
    """A target in ``unit``; ``low`` or ``high`` is None where the target is open."""

    kind: str
    low: float | None
    high: float | None
    tolerance: float
    unit: str


@dataclass(frozen=True)
class IterationStatus:
    """One experiment. ``discrepancy`` is relative to the target and signed, 0 inside a range.

    ``reason`` says why one that did not come to its end did not; ``rejected_fields`` are images that could
    not be measured, beside the ``fields`` that were; ``reached`` is what a person typed of the conditions;
    ``device`` is what it has of the lab now, or waits for.
    """

    index: int
    conditions: Conditions
    predicted: Mapping[str, PredictedValue]
    measured: Mapping[str, MeasuredValue]
    target: Mapping[str, WantedValue]
    discrepancy: Mapping[str, float]
    fields: int
    representative: bool | None
    model: str
    state: State
    dispatch_key: str
    reactor_starts: int
    experiment: str
    units: Mapping[str, str]
    reason: str = ""
    rejected_fields: int = 0
    reached: Conditions = dataclasses.field(default_factory=dict)
    device: str = ""


@dataclass(frozen=True)
class CampaignStatus:
    """The status of a campaign; ``as_json`` has exactly the promised keys, and a few more."""

    campaign: str
    simulated: bool
    status: CampaignState
    reason: str
    iterations: tuple[IterationStatus, ...]
    virtual_hours: float
    seconds: float
    report: str
    name: str
    seed: int

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types only."""
        document: dict[str, Any] = dataclasses.asdict(self)
        return document


class Statuses(Audit):
    """Reading a campaign as a whole."""

    def status(self, campaign_id: str) -> CampaignStatus:
        """How a campaign stands. Errors: :class:`NotFound`."""
        with self._read_together():
            record = self.campaign(campaign_id)
            evidence = self._evidence(campaign_id)
            devices = {
                one.experiment_id: one.device or f"waits for a {one.kind}" for one in self.device_leases()
            }
            iterations = tuple(
                _iteration(record, one, evidence[one.id], devices.get(one.id, ""))
                for one in self.experiments(campaign_id)
            )
        return CampaignStatus(
            campaign=record.id,
            simulated=record.simulated,
            status=record.status,
            reason=record.reason,
            iterations=iterations,
            virtual_hours=record.virtual_hours,
            seconds=record.seconds,
            report=record.report,
            name=record.name,
            seed=record.seed,
        )

    def stamp(self, campaign_id: str | None = None) -> tuple[object, ...]:
        """Something that is equal for as long as nothing is written; cheap enough to ask every second.

        Of one campaign it changes with each move: what is recorded between two moves shows with the second.
        """
        if campaign_id is not None:
            moved = select(func.max(HistoryRow.id)).where(HistoryRow.campaign_id == campaign_id)
            touched = select(CampaignRow.updated_at).where(CampaignRow.id == campaign_id)
            with self._read() as session:
                return (session.exec(moved).one(), session.exec(touched).one_or_none())
        tables = (HistoryRow, MicrographRow, MeasurementRow, PredictionRow, ApprovalRow, ModelUseRow)
        newest = [func.max(table.id) for table in tables]
        with self._read() as session:
            # One by one: each is answered by the last entry of an index.
            found = [session.exec(select(one)).one() for one in newest]
            return (*found, session.exec(select(func.max(CampaignRow.updated_at))).one())

    def _evidence(self, campaign_id: str) -> Mapping[str, "_Evidence"]:
        """What there is on each experiment, in three queries however many experiments there are."""
        found: defaultdict[str, _Evidence] = defaultdict(_Evidence)
        with self._read() as session:
            for row in session.exec(_of(PredictionRow, campaign_id)):
                found[row.experiment_id].predictions.append(prediction_record(row))
            for look in session.exec(_of(MeasurementRow, campaign_id)):
                found[look.experiment_id].measurements.append(measurement_record(look))
            rejected = (
                select(MicrographRow.experiment_id, func.count())
                .where(MicrographRow.campaign_id == campaign_id, MicrographRow.kind == "rejected")
                .group_by(col(MicrographRow.experiment_id))
            )
            for experiment_id, count in session.exec(rejected):
                found[experiment_id].rejected = count
        return found


@dataclass
class _Evidence:
    """What was predicted, measured (in all looks) and rejected for one experiment."""

    predictions: list[Prediction] = dataclasses.field(default_factory=list)
    measurements: list[Measurement] = dataclasses.field(default_factory=list)
    rejected: int = 0

    def latest(self) -> list[Measurement]:
        """What the latest look measured."""
        newest = max((one.look for one in self.measurements), default=0)
        return [one for one in self.measurements if one.look == newest]


def _of(table: type[_Row], campaign_id: str) -> SelectOfScalar[_Row]:
    return select(table).where(table.campaign_id == campaign_id).order_by(col(table.id))


def _iteration(
    campaign: CampaignRecord, experiment: ExperimentRecord, evidence: _Evidence, device: str
) -> IterationStatus:
    measurements = evidence.latest()
    values = {one.descriptor: one.interval.value for one in measurements}
    return IterationStatus(
        index=experiment.index,
        conditions=dict(experiment.conditions),
        predicted={
            one.descriptor: PredictedValue(finite(one.estimate.mean), finite(one.estimate.sd), one.unit)
            for one in evidence.predictions
        },
        measured={
            one.descriptor: MeasuredValue(
                finite(one.interval.value),
                (finite(one.interval.low), finite(one.interval.high)),
                one.unit,
                one.interval.confidence,
                one.interval.n_fields,
            )
            for one in measurements
        },
        target={target.descriptor: _wanted(target, campaign.units) for target in campaign.targets},
        discrepancy={
            target.descriptor: discrepancy(target, values[target.descriptor])
            for target in campaign.targets
            if math.isfinite(values.get(target.descriptor, math.nan))
        },
        fields=experiment.fields,
        representative=experiment.representative,
        model=experiment.model_version,
        state=experiment.state,
        dispatch_key=experiment.dispatch_key or "",
        reactor_starts=experiment.reactor_starts,
        experiment=experiment.id,
        units=dict(experiment.units),
        reason=experiment.reason if experiment.state in _CUT_SHORT else "",
        rejected_fields=evidence.rejected,
        reached=dict(experiment.reached or {}),
        device=device,
    )


def _wanted(target: Target, units: Mapping[str, str]) -> WantedValue:
    unit = units.get(target.descriptor, "")
    return WantedValue(target.kind, finite(target.low), finite(target.high), target.tolerance, unit)
