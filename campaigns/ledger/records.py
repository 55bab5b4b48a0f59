"""What the ledger gives back: frozen records, in units that they name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from campaigns.ledger.states import CampaignState, State
from campaigns.ledger.tables import (
    ApprovalRow,
    CampaignRow,
    ExperimentRow,
    HistoryRow,
    MeasurementRow,
    MicrographRow,
    ModelUseRow,
    PredictionRow,
)
from models.values import Conditions, Estimate, Interval, Target

MicrographKind = Literal["measured", "predicted", "rejected"]


@dataclass(frozen=True)
class CampaignRecord:
    """One run of a campaign file. ``specification`` is its JSON, ``seconds`` the wall time spent on it."""

    id: str
    name: str
    seed: int
    run: int
    simulated: bool
    status: CampaignState
    reason: str
    specification: str
    digest: str
    lab: str
    targets: tuple[Target, ...]
    units: Mapping[str, str]
    virtual_hours: float
    seconds: float
    report: str
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class ExperimentRecord:
    """One experiment; ``conditions`` are in ``units``. Lab times are ISO 8601 on the lab's clock.

    ``reached`` is what a person says was reached of the conditions; None where nobody said anything.
    ``edited_from`` is the proposal that a person changed into this one.
    """

    id: str
    campaign_id: str
    index: int
    simulated: bool
    state: State
    revision: int
    reason: str
    conditions: Conditions
    units: Mapping[str, str]
    model_version: str
    objective: float | None
    manifold_distance: float | None
    dispatch_key: str | None
    reactor_starts: int
    fields: int
    representative: bool | None
    lab_started_at: str
    lab_finished_at: str
    reached: Conditions | None
    edited_from: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class HistoryRecord:
    """One move of an experiment (or of the campaign, where ``experiment_id`` is None)."""

    id: int
    campaign_id: str
    experiment_id: str | None
    from_state: str
    to_state: str
    revision: int
    at: str
    author: str
    reason: str
    facts: Mapping[str, object]
    hash: str
    simulated: bool


@dataclass(frozen=True)
class ApprovalRecord:
    """One decision of a person or a policy, and what it was about (``grounds``, JSON; ``hash`` over it)."""

    id: int
    campaign_id: str
    experiment_id: str
    decision: str
    author: str
    role: str
    at: str
    expires_at: str
    hash: str
    grounds: str
    reason: str
    simulated: bool


@dataclass(frozen=True)
class Prediction:
    """A predicted descriptor in ``unit``, by a model version."""

    descriptor: str
    unit: str
    estimate: Estimate
    model_version: str


@dataclass(frozen=True)
class Micrograph:
    """An image of an experiment, measured or predicted; ``acquired_at`` on the lab's clock."""

    kind: MicrographKind
    magnification: float
    field: int
    path: Path
    sha256: str
    pixel_size_um: float
    acquired_at: str = ""


@dataclass(frozen=True)
class Measurement:
    """A measured descriptor in ``unit``; ``look`` counts the times the experiment was measured, from 1."""

    descriptor: str
    unit: str
    interval: Interval
    look: int = 1


@dataclass(frozen=True)
class ModelUse:
    """What was done with a model version: ``proposed``, ``fine_tuned``, ``promoted`` and so on."""

    version: str
    action: str
    parent: str = ""
    metrics: Mapping[str, object] | None = None
    reason: str = ""
    experiment_id: str | None = None
    at: str = ""


@dataclass(frozen=True)
class Lease:
    """The right to drive a campaign until ``expires_at`` (ISO, UTC)."""

    campaign_id: str
    holder: str
    token: str
    expires_at: str


@dataclass(frozen=True)
class DeviceLease:
    """A place in the queue for a ``kind`` of device of a lab; ``device`` is empty until there is one."""

    id: int
    lab: str
    kind: str
    device: str
    campaign_id: str
    experiment_id: str
    asked_at: str
    taken_at: str


def target_json(target: Target) -> dict[str, object]:
    """A target as JSON; infinite ends become null."""
    return {
        "descriptor": target.descriptor,
        "kind": target.kind,
        "low": finite(target.low),
        "high": finite(target.high),
        "weight": target.weight,
        "scale": target.scale,
        "tolerance": target.tolerance,
    }


def finite(value: float) -> float | None:
    """The number, or None where it is NaN or infinite (neither JSON nor every database knows those)."""
    return float(value) if math.isfinite(value) else None


def campaign_record(row: CampaignRow) -> CampaignRecord:
    """The record of a row."""
    fields = row.model_dump(exclude={"status", "targets"})
    targets = tuple(
        Target(
            descriptor=entry["descriptor"],
            kind=entry["kind"],
            low=-math.inf if entry["low"] is None else entry["low"],
            high=math.inf if entry["high"] is None else entry["high"],
            weight=entry["weight"],
            scale=entry["scale"],
            tolerance=entry["tolerance"],
        )
        for entry in row.targets
    )
    return CampaignRecord(**fields, status=CampaignState(row.status), targets=targets)


def experiment_record(row: ExperimentRow) -> ExperimentRecord:
    """The record of a row."""
    return ExperimentRecord(**row.model_dump(exclude={"state"}), state=State(row.state))


def history_record(row: HistoryRow) -> HistoryRecord:
    """The record of a row."""
    return HistoryRecord(**row.model_dump())


def approval_record(row: ApprovalRow) -> ApprovalRecord:
    """The record of a row."""
    return ApprovalRecord(**row.model_dump())


def prediction_record(row: PredictionRow) -> Prediction:
    """The record of a row."""
    estimate = Estimate(_number(row.mean), _number(row.sd))
    return Prediction(row.descriptor, row.unit, estimate, row.model_version)


def micrograph_record(row: MicrographRow) -> Micrograph:
    """The record of a row."""
    return Micrograph(
        cast(MicrographKind, row.kind),
        row.magnification,
        row.field,
        Path(row.path),
        row.sha256,
        row.pixel_size_um,
        row.acquired_at,
    )


def measurement_record(row: MeasurementRow) -> Measurement:
    """The record of a row."""
    interval = Interval(
        _number(row.value),
        _number(row.low),
        _number(row.high),
        row.confidence,
        row.n_fields,
        row.fields_needed,
    )
    return Measurement(row.descriptor, row.unit, interval, row.look)


def model_use_record(row: ModelUseRow) -> ModelUse:
    """The record of a row."""
    return ModelUse(row.version, row.action, row.parent, row.metrics, row.reason, row.experiment_id, row.at)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
