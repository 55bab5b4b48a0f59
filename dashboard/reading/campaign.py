"""One campaign as its page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from campaigns.decisions import Outcome, verdict
from campaigns.ledger import (
    CampaignRecord,
    HistoryRecord,
    Ledger,
    MeasuredValue,
    PredictedValue,
    State,
)
from campaigns.report.contents import Wanted
from campaigns.report.gather import wanted
from campaigns.specification import Campaign
from dashboard.reading.source import Source
from models.values import Interval, Target

_LOOKED = (State.ACCEPTED, State.LEARNED)


@dataclass(frozen=True)
class IterationView:
    """One experiment. ``worst`` is its largest miss in tolerances; None before every target was measured."""

    id: str
    index: int
    state: str
    reason: str
    conditions: Mapping[str, float | str]
    predicted: Mapping[str, PredictedValue]
    measured: Mapping[str, MeasuredValue]
    outcomes: Mapping[str, str]
    worst: float | None
    fields: int
    rejected_fields: int
    representative: bool | None
    model: str


@dataclass(frozen=True)
class CampaignView:
    """A campaign with everything of it that is not a picture."""

    record: CampaignRecord
    campaign: Campaign
    targets: tuple[Wanted, ...]
    iterations: tuple[IterationView, ...]

    @property
    def experiments_done(self) -> int:
        """Experiments that went to the reactor."""
        return sum(one.state not in ("proposed", "approved", "rejected") for one in self.iterations)

    @property
    def fields(self) -> int:
        """Fields of view so far."""
        return sum(one.fields for one in self.iterations)


def campaign_view(source: Source, campaign_id: str) -> CampaignView:
    """The campaign as it stands. Errors: :class:`models.errors.UnusableInput`."""
    return source.cached(
        ("campaign", campaign_id), lambda: _read(*source.campaign(campaign_id)), campaign=campaign_id
    )


def history(source: Source, campaign_id: str) -> tuple[HistoryRecord, ...]:
    """Every move of the campaign and its experiments, the oldest first."""

    def read() -> tuple[HistoryRecord, ...]:
        ledger, _ = source.campaign(campaign_id)
        return ledger.history(campaign_id)

    return source.cached(("history", campaign_id), read, campaign=campaign_id)


@lru_cache(maxsize=4096)
def _outcome(target: Target, interval: Interval, looked: bool) -> str:
    """Kept: how many fields a verdict would take is slow to compute, and is not shown."""
    return str(verdict(target, interval, may_look_again=not looked).outcome)


def _read(ledger: Ledger, record: CampaignRecord) -> CampaignView:
    campaign = Campaign.from_json(record.specification)
    targets = tuple(wanted(target, record) for target in record.targets)
    iterations = []
    for one in ledger.status(record.id).iterations:
        outcomes = {}
        for target in record.targets:
            found = one.measured.get(target.descriptor)
            if found is None or found.value is None or found.ci[0] is None or found.ci[1] is None:
                continue
            interval = Interval(found.value, found.ci[0], found.ci[1], found.confidence, found.n_fields, 0)
            outcomes[target.descriptor] = _outcome(target, interval, one.state in _LOOKED)
        misses = [
            target.misses_by(found.value)
            for target in targets
            if (found := one.measured.get(target.descriptor)) is not None and found.value is not None
        ]
        iterations.append(
            IterationView(
                one.experiment,
                one.index,
                str(one.state),
                one.reason,
                one.conditions,
                one.predicted,
                one.measured,
                outcomes,
                max(misses) if len(misses) == len(targets) and misses else None,
                one.fields,
                one.rejected_fields,
                one.representative,
                one.model,
            )
        )
    return CampaignView(record, campaign, targets, tuple(iterations))


def met(view: IterationView) -> bool:
    """Whether every target was met with its whole interval."""
    return bool(view.outcomes) and all(one == Outcome.MET for one in view.outcomes.values())
