"""Which experiment to do next: predict, correct by what was measured, search."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from models.inverse.objective import Objective, ObjectiveWeights
from models.inverse.optimise import APART, Progress, Settle, optimise
from models.inverse.predictor import Predictor
from models.inverse.result import Candidate, InverseResult, reach
from models.inverse.smoothed import SmoothedPredictor
from models.inverse.space import UnitCube
from models.learning.corrected import CorrectedPredictor
from models.learning.observations import Observation
from models.learning.residual import ResidualModel
from models.values import Conditions, Estimate, Space, Target


@dataclass(frozen=True)
class SuggestSettings:
    """How to search. ``design``: experiments of a Sobol design before the first search without a generator.

    ``patience``: iterations without improvement after which the swarm ends early.
    ``smooth``: choose by predictions smoothed over all that the swarm evaluated
    (:class:`~models.inverse.smoothed.SmoothedPredictor`), as a generator's scatter.
    """

    particles: int = 40
    iterations: int = 50
    candidates: int = 3
    patience: int | None = 8
    design: int = 4
    smooth: bool = True
    weights: ObjectiveWeights = field(default_factory=ObjectiveWeights)


def suggest(
    predictor: Predictor | None,
    space: Space,
    targets: Sequence[Target],
    observations: Sequence[Observation] = (),
    *,
    settings: SuggestSettings | None = None,
    seed: int = 0,
    design_seed: int | None = None,
    progress: Progress | None = None,
    positive: Mapping[str, bool] | None = None,
) -> InverseResult:
    """The next conditions to try, never ones already measured.

    With a predictor: its predictions, corrected by a :class:`ResidualModel` of the observations, are
    searched by the swarm, and searched again once they are smoothed. Without one: the first
    ``settings.design`` proposals come from a Sobol design over the feasible space (predictions: none), the
    later ones from a Gaussian process over conditions. Once something is measured, the search is for the
    largest expected improvement. Experiments under way (``pending`` observations) are not proposed again,
    and as long as nothing is measured, nothing near them is. ``design_seed``: of the design, the same for all
    its points (default: ``seed``). ``positive``: which descriptors live on a logarithmic scale (default: what
    their measures declare).

    Errors: :class:`UnusableInput` as :func:`~models.inverse.optimise.optimise`.
    """
    settings = settings or SuggestSettings()
    cube = UnitCube(space)
    known = [one.conditions for one in observations]
    nothing_measured = all(one.pending for one in observations)
    if predictor is None and (nothing_measured or len(observations) < settings.design):
        return design_point(
            cube, targets, known, settings.candidates, seed if design_seed is None else design_seed
        )
    names = [target.descriptor for target in targets]
    scales = positive if positive is not None else declared_positive()
    searched = _corrected(predictor, cube, observations, names, scales)
    settle: Settle | None = None
    if predictor is not None and settings.smooth:

        def settle(evaluated: Sequence[Conditions]) -> Predictor:
            smooth = SmoothedPredictor(predictor, cube, [*known, *evaluated], positive=scales)
            return _corrected(smooth, cube, observations, names, scales)

    weights = settings.weights
    if predictor is None:
        # Nothing was trained, so there is no manifold to stay on.
        weights = replace(weights, manifold=0.0)
    found = optimise(
        searched,
        space,
        targets,
        particles=settings.particles,
        iterations=settings.iterations,
        seed=seed,
        candidates=settings.candidates + (len(known) if nothing_measured else 0),
        avoid=known,
        known=known,
        weights=weights,
        best=_lowest_mismatch(Objective(targets), observations),
        errors=_least_errors(targets, observations),
        patience=settings.patience,
        settle=settle,
        progress=progress,
    )
    if known and nothing_measured:
        return _apart_from(known, found, cube, targets, settings.candidates)
    return found


def _apart_from(
    pending: Sequence[Conditions],
    found: InverseResult,
    cube: UnitCube,
    targets: Sequence[Target],
    candidates: int,
) -> InverseResult:
    """The same search with the candidates first that are not near what is under way."""
    ranked = sorted(
        found.candidates,
        key=lambda one: any(cube.distance(one.conditions, other) < APART for other in pending),
    )[:candidates]
    reached = reach(targets, ranked[0].predicted)
    return replace(
        found,
        best=ranked[0],
        candidates=tuple(ranked),
        reach=reached,
        reachable=all(one.within for one in reached),
    )


def _corrected(
    predictor: Predictor | None,
    cube: UnitCube,
    observations: Sequence[Observation],
    names: Sequence[str],
    positive: Mapping[str, bool],
) -> Predictor:
    """``predictor`` with what the observations say that it gets wrong; without any, as it is."""
    if predictor is not None and all(one.pending for one in observations):
        return predictor
    known = [one.conditions for one in observations]
    base = predictor.predict(known) if predictor is not None else None
    shown = base[0] if base else {name for one in observations for name in one.measured}
    residuals = ResidualModel.fit(
        cube, observations, base, descriptors=sorted({*names, *shown}), positive=positive
    )
    return CorrectedPredictor(predictor, residuals, cube, observations)


def design_point(
    cube: UnitCube,
    targets: Sequence[Target],
    known: Sequence[Conditions],
    candidates: int,
    seed: int,
) -> InverseResult:
    """The next point of a Sobol design (skipping measured ones), with nothing predicted."""
    objective = Objective(targets)
    nothing = {target.descriptor: Estimate(math.nan, math.nan) for target in objective.targets}
    measured = {cube.key(conditions) for conditions in known}
    # The design is one sequence for the whole campaign, so its n-th point is asked for, not a fresh first
    # one.
    points = cube.sample(len(known) + 8 * candidates, seed)[len(known) :]
    open_points = [c for c in map(cube.decode, points) if cube.key(c) not in measured]
    chosen = tuple(
        Candidate(
            conditions=conditions,
            predicted=nothing,
            objective=math.nan,
            score=objective.score(nothing),
            in_manifold=False,
            manifold_distance=math.inf,
            nearest_known=min((cube.distance(conditions, other) for other in known), default=math.inf),
        )
        for conditions in open_points[:candidates]
    )
    return InverseResult(
        best=chosen[0],
        candidates=chosen,
        evaluations=0,
        distinct_evaluations=0,
        images_generated=0,
        seconds=0.0,
        converged_at=0,
        model="design",
        history=(),
        policy="design",
    )


def _lowest_mismatch(objective: Objective, observations: Sequence[Observation]) -> float | None:
    """Of the experiments in which every target was measured; None without any."""
    found = []
    for one in observations:
        if one.pending:
            continue
        measured = {target.descriptor: one.estimate(target.descriptor) for target in objective.targets}
        known = {name: estimate for name, estimate in measured.items() if estimate is not None}
        if len(known) == len(measured):
            found.append(objective.score(known).mismatch)
    return min(found, default=None)


def _least_errors(targets: Sequence[Target], observations: Sequence[Observation]) -> dict[str, float]:
    """Standard error of each descriptor, in its unit, where it was measured best: with as many fields as it
    takes to tell.
    """
    found: dict[str, float] = {}
    for target in targets:
        name = target.descriptor
        measured = [one.estimate(name) for one in observations if not one.pending]
        errors = [estimate.sd for estimate in measured if estimate is not None]
        if errors:
            found[name] = min(errors)
    return found


def declared_positive() -> dict[str, bool]:
    """Which descriptors live on a logarithmic scale, as their measures declare."""
    from models.morphology import known_descriptors

    return {name: descriptor.positive for name, descriptor in known_descriptors().items()}
