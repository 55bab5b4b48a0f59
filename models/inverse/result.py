"""What inverse design returns."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.inverse.objective import Score
from models.values import Conditions, Estimate


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
class InverseResult:
    """The outcome of one search.

    ``candidates``: the best and up to q − 1 others that differ from it, in order of objective.
    ``evaluations``: particle evaluations asked for; ``distinct_evaluations``: different conditions among
    them (the rest came from the cache). ``images_generated``: by this search. ``seconds``: wall time.
    ``converged_at``: the first iteration (from 1; 0 for a search without a swarm) whose best is within 1 %
    of the final one. ``model``: the predictor's version. ``history``: best objective after each iteration.
    ``policy``: how the conditions were chosen: "swarm", or "design" for a point of the initial
    space-filling design.
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
