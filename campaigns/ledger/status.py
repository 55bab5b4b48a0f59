"""A campaign's status as people and scripts read it: the object of ``dry-run --json``."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from campaigns.decisions.comparison import discrepancy
from campaigns.ledger.evidence import Evidence
from campaigns.ledger.records import CampaignRecord, ExperimentRecord, finite
from campaigns.ledger.states import CampaignState, State
from models.values import Conditions, Target

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
    not be measured, beside the ``fields`` that were; ``reached`` is what a person typed of the conditions.
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


class Statuses(Evidence):
    """Reading a campaign as a whole."""

    def status(self, campaign_id: str) -> CampaignStatus:
        """How a campaign stands. Errors: :class:`NotFound`."""
        with self._read_together():
            record = self.campaign(campaign_id)
            iterations = tuple(self._iteration(record, one) for one in self.experiments(campaign_id))
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

    def _iteration(self, campaign: CampaignRecord, experiment: ExperimentRecord) -> IterationStatus:
        predictions, measurements = self.predictions(experiment.id), self.measurements(experiment.id)
        values = {one.descriptor: one.interval.value for one in measurements}
        return IterationStatus(
            index=experiment.index,
            conditions=dict(experiment.conditions),
            predicted={
                one.descriptor: PredictedValue(finite(one.estimate.mean), finite(one.estimate.sd), one.unit)
                for one in predictions
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
            rejected_fields=len(self.micrographs(experiment.id, kind="rejected")),
            reached=dict(experiment.reached or {}),
        )


def _wanted(target: Target, units: Mapping[str, str]) -> WantedValue:
    unit = units.get(target.descriptor, "")
    return WantedValue(target.kind, finite(target.low), finite(target.high), target.tolerance, unit)
