"""A proposal as the person who decides has to see it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.decisions import accepted_band
from campaigns.ledger import (
    ApprovalRecord,
    CampaignRecord,
    ExperimentRecord,
    HistoryRecord,
    Ledger,
    Micrograph,
    ModelUse,
    Prediction,
    State,
)
from campaigns.report.contents import Wanted
from campaigns.report.gather import wanted
from campaigns.specification import Campaign
from dashboard.desk import Desk
from devices.errors import LabError
from devices.limits import Limit
from models.values import Conditions

EARLIER = 4
"""Experiments that the conditions are shown beside."""


@dataclass(frozen=True)
class Earlier:
    """What an experiment before it used, and how far it missed (in tolerances; None: not measured)."""

    index: int
    state: str
    conditions: Conditions
    worst: float | None
    lab_hours: float | None


@dataclass(frozen=True)
class Expected:
    """A target with what is predicted of it; ``chance``: how probably it lies in what is accepted.

    ``held_out`` is the version's mean error on conditions it was not trained on, in the descriptor's unit.
    """

    wanted: Wanted
    prediction: Prediction | None
    chance: float | None
    held_out: float | None


@dataclass(frozen=True)
class ProposalView:
    """Everything about one proposal; ``shown`` is the hash that goes back with a decision about it.

    ``fault`` says why no decision can be taken now (no limits can be read); then ``shown`` is empty.
    """

    record: CampaignRecord
    campaign: Campaign
    experiment: ExperimentRecord
    limits: Mapping[str, Limit]
    shown: str
    fault: str
    expected: tuple[Expected, ...]
    others: tuple[Prediction, ...]
    pictures: tuple[Micrograph, ...]
    earlier: tuple[Earlier, ...]
    decisions: tuple[ApprovalRecord, ...]
    replaced_by: str
    why: str

    @property
    def open(self) -> bool:
        """Whether it still waits for a decision."""
        return self.experiment.state is State.PROPOSED

    @property
    def predicted_yet(self) -> bool:
        """An edited proposal has to be predicted before it can be approved."""
        return bool(self.experiment.model_version)


def proposal_view(desk: Desk, experiment_id: str) -> ProposalView:
    """The proposal as it is now; limits are read anew each time. Errors: :class:`UnusableInput`."""
    ledger, experiment = desk.source.experiment(experiment_id)
    record = ledger.campaign(experiment.campaign_id)
    campaign = Campaign.from_json(record.specification)
    limits: Mapping[str, Limit] = {}
    shown, fault = "", ""
    try:
        limits = desk.acts.limits(campaign)
        shown = ledger.shown(experiment_id, limits=limits)
    except LabError as error:
        fault = str(error)
    predictions = {one.descriptor: one for one in ledger.predictions(experiment_id)}
    errors = held_out_errors(desk, experiment.model_version)
    expected = []
    for target in record.targets:
        prediction = predictions.pop(target.descriptor, None)
        chance = None
        if prediction is not None:
            low, high = accepted_band(target)
            chance = _between(low, high, prediction.estimate.mean, prediction.estimate.sd)
        expected.append(Expected(wanted(target, record), prediction, chance, errors.get(target.descriptor)))
    return ProposalView(
        record,
        campaign,
        experiment,
        limits,
        shown,
        fault,
        tuple(expected),
        tuple(predictions.values()),
        ledger.micrographs(experiment_id, kind="predicted"),
        _earlier(ledger, record, experiment),
        ledger.approvals(experiment_id),
        next((one.id for one in ledger.experiments(record.id) if one.edited_from == experiment_id), ""),
        ledger.history(record.id, experiment_id)[0].reason,
    )


def held_out_errors(desk: Desk, version: str) -> Mapping[str, float]:
    """A version's mean absolute error by descriptor, on conditions it was not trained on; empty: unknown."""
    # A version that is corrected by three measurements is called lmr-6+3.
    names = (version, version.rsplit("+", 1)[0])
    for one in desk.versions():
        if one.name in names and one.record is not None:
            return {
                descriptor: score.mae
                for split in one.record.metrics.descriptors.values()
                for descriptor, score in split.items()
            }
    return {}


def events_since(
    desk: Desk, campaign_id: str, at: str
) -> tuple[tuple[HistoryRecord, ...], tuple[ModelUse, ...]]:
    """What happened in a campaign after a moment (ISO 8601, UTC)."""
    ledger, _ = desk.source.campaign(campaign_id)
    moves = tuple(one for one in ledger.history(campaign_id) if one.at > at)
    uses = tuple(one for one in ledger.model_uses(campaign_id) if one.at > at and one.action != "proposed")
    return moves, uses


def _earlier(ledger: Ledger, record: CampaignRecord, experiment: ExperimentRecord) -> tuple[Earlier, ...]:
    targets = [wanted(target, record) for target in record.targets]
    before = [one for one in ledger.experiments(record.id) if one.index < experiment.index]
    tried = [one for one in before if one.state is not State.REJECTED][-EARLIER:]
    found = []
    for one in tried:
        values = {m.descriptor: m.interval.value for m in ledger.measurements(one.id)}
        misses = [
            t.misses_by(values[t.descriptor])
            for t in targets
            if math.isfinite(values.get(t.descriptor, math.nan))
        ]
        worst = max(misses) if misses and len(misses) == len(targets) else None
        found.append(Earlier(one.index, str(one.state), one.conditions, worst, _hours(one)))
    return tuple(found)


def lab_hours(earlier: Sequence[Earlier]) -> float | None:
    """What an experiment took in the lab so far, on average."""
    known = [one.lab_hours for one in earlier if one.lab_hours is not None]
    return sum(known) / len(known) if known else None


def _hours(one: ExperimentRecord) -> float | None:
    try:
        span = datetime.fromisoformat(one.lab_finished_at) - datetime.fromisoformat(one.lab_started_at)
    except ValueError:
        return None
    return span.total_seconds() / 3600


def _between(low: float, high: float, mean: float, sd: float) -> float | None:
    """The share of a normal distribution that lies between two values."""
    if not (math.isfinite(mean) and math.isfinite(sd)):
        return None
    if sd <= 0:
        return float(low <= mean <= high)

    def below(value: float) -> float:
        return 0.5 * (1 + math.erf((value - mean) / (sd * math.sqrt(2))))

    return below(high) - below(low)
