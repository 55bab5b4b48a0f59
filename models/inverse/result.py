"""What inverse design returns."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.inverse.objective import Score
from models.values import Conditions, Estimate, Target


@dataclass(frozen=True)
class Candidate:
    """Conditions worth a synthesis, and what is expected of them.

    ``predicted``: descriptor → mean and SD in its unit. ``objective``: the score's total, dimensionless.
    ``manifold_distance``: 0 at what the predictor was trained on, 1 at its edge (``in_manifold`` up to
    there). ``nearest_known``: distance to the nearest measured conditions (0 the same, 1 opposite corners
    of the space; infinite when none are known).
    """

    conditions: Conditions
    predicted: Mapping[str, Estimate]
    objective: float
    score: Score
    in_manifold: bool
    manifold_distance: float
    nearest_known: float


@dataclass(frozen=True)
class Iteration:
    """One step of the swarm: best and median objective, and for how many steps the best has not changed.

    ``diversity``: mean distance of the particles from their centre, as a share of the space's diagonal.
    """

    best: float
    median: float
    diversity: float
    stagnant: int


@dataclass(frozen=True)
class Evaluated:
    """One place that the swarm looked at first in ``iteration`` (from 1)."""

    conditions: Conditions
    predicted: Mapping[str, Estimate]
    objective: float
    iteration: int


@dataclass(frozen=True)
class Reach:
    """How near the best comes to one target, in the descriptor's unit.

    ``misses_by``: signed distance of the predicted mean from what is wanted; ``within``: whether that is no
    more than the tolerance and twice the prediction's SD, so that the target can be hoped for.
    """

    descriptor: str
    predicted: Estimate
    misses_by: float
    tolerance: float
    within: bool


def reach(targets: Sequence[Target], predicted: Mapping[str, Estimate]) -> tuple[Reach, ...]:
    """How near a prediction comes to each target."""
    found = []
    for target in targets:
        estimate = predicted[target.descriptor]
        missed = target.deviation(estimate.mean)
        allowed = target.tolerance + 2.0 * (estimate.sd if math.isfinite(estimate.sd) else 0.0)
        found.append(Reach(target.descriptor, estimate, missed, target.tolerance, abs(missed) <= allowed))
    return tuple(found)


@dataclass(frozen=True)
class InverseResult:
    """The outcome of one search.

    ``candidates``: the best and up to q − 1 others that differ from it, in order of objective.
    ``evaluations``: particle evaluations asked for; ``distinct_evaluations``: different conditions among
    them (the rest came from the cache). ``images_generated``: by this search. ``seconds``: wall time.
    ``converged_at``: the first iteration (from 1; 0 for a search without a swarm) whose best is within 1 %
    of the final one. ``model``: the predictor's version. ``history``: best objective after each iteration.
    ``policy``: how the conditions were chosen: "swarm", or "design" for a point of the initial
    space-filling design. ``reach``: how near the best comes to each target, ``reachable``: to all of them.
    ``iterations`` and ``evaluated``: what the swarm did, and everywhere that it looked.
    """

    best: Candidate
    candidates: tuple[Candidate, ...]
    evaluations: int
    distinct_evaluations: int
    images_generated: int
    seconds: float
    converged_at: int
    model: str
    history: tuple[float, ...]
    policy: str = "swarm"
    reach: tuple[Reach, ...] = ()
    reachable: bool = True
    iterations: tuple[Iteration, ...] = ()
    evaluated: tuple[Evaluated, ...] = field(default=(), repr=False, metadata={"told": False})

    def shortfall(self) -> str:
        """What the best is predicted to miss by more than can be hoped for; empty where there is nothing."""
        told = []
        for one in self.reach:
            if not one.within:
                missed = abs(one.misses_by)
                share = f" ({missed / one.tolerance:.1f} tolerances)" if one.tolerance else ""
                told.append(f"{one.descriptor} {one.predicted.mean:.4g} misses by {missed:.2g}{share}")
        return "; ".join(told)
