"""When a campaign ends, and why."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from campaigns.decisions.comparison import Outcome, Verdict
from campaigns.specification import Budget, Stopping


class Next(StrEnum):
    """What follows; all but ``continue`` are final statuses of a campaign."""

    CONTINUE = "continue"
    CONVERGED = "converged"
    BUDGET_SPENT = "budget_spent"
    STALLED = "stalled"


@dataclass(frozen=True)
class ExperimentOutcome:
    """What came of one experiment: its final verdicts, and its ``distance`` from all targets.

    An experiment that failed has no verdicts and an infinite distance, and a ``failure`` that says why; it
    counts against the budget.
    """

    index: int
    verdicts: tuple[Verdict, ...] = ()
    distance: float = math.inf
    failure: str = ""

    @property
    def met(self) -> bool:
        """Whether every descriptor meets its target, by its whole interval."""
        return bool(self.verdicts) and all(one.outcome is Outcome.MET for one in self.verdicts)


@dataclass(frozen=True)
class Spent:
    """What a campaign has used: experiments dispatched, hours on the lab's clock and on the wall, fields."""

    experiments: int = 0
    lab_hours: float = 0.0
    real_hours: float = 0.0
    fields: int = 0


@dataclass(frozen=True)
class Judgement:
    """What follows, and why in one sentence."""

    status: Next
    reason: str


def judge(
    outcomes: Sequence[ExperimentOutcome], spent: Spent, budget: Budget, stopping: Stopping
) -> Judgement:
    """Converged, budget spent, stalled, or on with it; the first that applies.

    Converged: some experiment meets every target by its whole interval. Budget: one of its limits is reached.
    Stalled: the last ``stall_after`` measured experiments have not brought the best distance below what it
    was before them by more than the share ``min_improvement``; or the last ``give_up_after`` experiments all
    failed.
    """
    for outcome in outcomes:
        if outcome.met:
            names = ", ".join(one.descriptor for one in outcome.verdicts)
            return Judgement(
                Next.CONVERGED,
                f"Experiment {outcome.index} meets the target with the whole interval of {names}.",
            )
    used_up = _used_up(spent, budget)
    if used_up:
        return Judgement(Next.BUDGET_SPENT, f"The budget is spent: {used_up}. {_closest(outcomes)}")
    failed = 0
    while failed < len(outcomes) and not outcomes[-1 - failed].verdicts:
        failed += 1
    if failed >= stopping.give_up_after:
        return Judgement(
            Next.STALLED,
            f"The last {failed} experiments failed, one after the other, the last one because: "
            f"{outcomes[-1].failure.rstrip('.') or 'unknown'}; see to the lab.",
        )
    distances = [outcome.distance for outcome in outcomes if outcome.verdicts]
    if len(distances) > stopping.stall_after:
        before, since = min(distances[: -stopping.stall_after]), min(distances[-stopping.stall_after :])
        if not since < before * (1 - stopping.min_improvement):
            return Judgement(
                Next.STALLED,
                f"The last {stopping.stall_after} experiments came no closer to the target by more than "
                f"{100 * stopping.min_improvement:g} %. {_closest(outcomes)}",
            )
    return Judgement(Next.CONTINUE, f"The target is not met yet. {_closest(outcomes)}")


def _used_up(spent: Spent, budget: Budget) -> str:
    limits = (
        ("experiments", spent.experiments, budget.experiments),
        ("h on the lab's clock", spent.lab_hours, budget.lab_hours),
        ("h of real time", spent.real_hours, budget.real_hours),
        ("fields of view", spent.fields, budget.fields),
    )
    return ", ".join(
        f"{used:g} of {limit:g} {name}" for name, used, limit in limits if limit is not None and used >= limit
    )


def _closest(outcomes: Sequence[ExperimentOutcome]) -> str:
    measured = [outcome for outcome in outcomes if outcome.verdicts]
    if not measured:
        return "No experiment has been measured."
    best = min(measured, key=lambda outcome: outcome.distance)
    missed = [one.descriptor for one in best.verdicts if one.outcome is not Outcome.MET]
    return f"Experiment {best.index} came closest and misses {', '.join(missed) or 'nothing'}."
