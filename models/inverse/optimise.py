"""Inverse design: a particle swarm over the feasible space, evaluated by a predictor."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.errors import UnusableInput
from models.inverse.objective import Objective, ObjectiveWeights, Score
from models.inverse.predictor import Predictor
from models.inverse.result import Candidate, Evaluated, InverseResult, Iteration, reach
from models.inverse.space import Array, Key, UnitCube
from models.inverse.swarm import ParticleSwarm
from models.values import Conditions, Estimate, Space, Target

Progress = Callable[[int, int, float], None]
"""Called after each iteration with (iteration, iterations, best objective so far)."""

Settle = Callable[[Sequence[Conditions]], Predictor]
"""From the conditions that the swarm evaluated, the best first, to the predictor that decides."""

_SETTLED_ON = 250  # the best of what was evaluated; a Gaussian process of many more takes long
_SETTLED = 40  # particles of the swarm over settled predictions, which cost no images
APART = 0.15  # how far candidates should differ, as a share of the space (see UnitCube.distance)
_POLISH_ROUNDS = 10


@dataclass(frozen=True)
class _Evaluated:
    conditions: Conditions
    predicted: dict[str, Estimate]
    score: Score
    manifold_distance: float
    batch: int


class _Evaluations:
    """Everything evaluated so far, by snapped conditions.

    Common random numbers make a prediction a function of the conditions, so a repeated one is not computed
    again.
    """

    def __init__(self, predictor: Predictor, cube: UnitCube, objective: Objective) -> None:
        self._predictor, self._cube, self._objective = predictor, cube, objective
        self.known: dict[Key, _Evaluated] = {}
        self.asked = self._batches = 0

    def __call__(self, many: Sequence[Conditions]) -> list[_Evaluated]:
        self._batches += 1
        keys = [self._cube.key(conditions) for conditions in many]
        fresh = {key: c for key, c in zip(keys, many, strict=True) if key not in self.known}
        if fresh:
            predictions = self._predictor.predict(list(fresh.values()))
            for (key, conditions), predicted in zip(fresh.items(), predictions, strict=True):
                distance = self._predictor.manifold_distance(conditions)
                score = self._objective.score(predicted, distance)
                self.known[key] = _Evaluated(conditions, predicted, score, distance, self._batches)
        self.asked += len(keys)
        return [self.known[key] for key in keys]

    def ranked(self) -> list[_Evaluated]:
        """All, the best first."""
        return sorted(self.known.values(), key=lambda one: one.score.total)

    def settle(self, settle: Settle) -> None:
        """Judge all that is known anew, and what comes, by another predictor."""
        conditions = [one.conditions for one in self.ranked()]
        self._predictor = settle(conditions[:_SETTLED_ON])
        self.known.clear()
        self(conditions)


def optimise(
    predictor: Predictor,
    space: Space,
    targets: Sequence[Target],
    *,
    particles: int = 40,
    iterations: int = 50,
    seed: int = 0,
    candidates: int = 3,
    avoid: Sequence[Conditions] = (),
    known: Sequence[Conditions] = (),
    weights: ObjectiveWeights | None = None,
    best: float | None = None,
    errors: Mapping[str, float] | None = None,
    patience: int | None = None,
    settle: Settle | None = None,
    progress: Progress | None = None,
) -> InverseResult:
    """The conditions that minimise F (:class:`~models.inverse.objective.Objective`) over ``space``.

    A swarm of ``particles`` takes up to ``iterations`` steps ([C]: 40 and 50), each evaluated in one call
    of the predictor. ``settle`` makes of what it evaluated a predictor that decides in its place, over
    which a second swarm flies from the best. Then the best is polished by single steps of each parameter.
    ``avoid``: conditions never to be returned (already measured); ``known``: measured conditions that the
    swarm starts at and that candidates report their distance to; ``best``: their lowest mismatch, and
    ``errors``: standard errors of measured descriptors (:class:`~models.inverse.objective.Objective`).
    ``patience``: end the swarm after this many iterations without improvement (None: never). The same seed
    and predictor give the same result; numpy's global random state is not touched.

    Errors: :class:`UnusableInput` for an empty space, a target that nothing can meet, an unknown
    descriptor, or when every feasible point is to be avoided.
    """
    if particles < 2 or iterations < 1 or candidates < 1:
        raise UnusableInput(
            f"A search with {particles} particles, {iterations} iterations and {candidates} candidates "
            "cannot run; "
            "it needs at least 2, 1 and 1."
        )
    began, images_before = time.perf_counter(), predictor.images_generated
    cube = UnitCube(space)
    evaluate = _Evaluations(predictor, cube, Objective(targets, weights, best=best, errors=errors))
    start = _start(cube, particles, seed, known)
    history = _search(evaluate, cube, start, iterations, seed, patience, progress)
    evaluations, distinct = evaluate.asked, len(evaluate.known)
    looked_at = tuple(
        Evaluated(one.conditions, one.predicted, one.score.total, one.batch)
        for one in evaluate.known.values()
    )
    if settle is not None:
        evaluate.settle(settle)
        first = [np.clip(cube.encode(one.conditions), 0.0, 1.0) for one in evaluate.ranked()[:_SETTLED]]
        _search(evaluate, cube, np.array(first), 2 * iterations, seed + 1, patience, None)
    avoided = {cube.key(conditions) for conditions in avoid}
    _polish(evaluate, cube, avoided)
    ranked = sorted(
        (one for key, one in evaluate.known.items() if key not in avoided), key=lambda one: one.score.total
    )
    if not ranked or not math.isfinite(ranked[0].score.total):
        raise UnusableInput(
            "No feasible conditions are left whose descriptors the model can predict; "
            "widen the parameter ranges or aim for other descriptors."
        )
    chosen = tuple(_candidate(one, cube, known) for one in _diverse(ranked, cube, candidates))
    reached = reach(targets, chosen[0].predicted)
    return InverseResult(
        best=chosen[0],
        candidates=chosen,
        evaluations=evaluations,
        distinct_evaluations=len(evaluate.known) if settle is None else distinct,
        images_generated=predictor.images_generated - images_before,
        seconds=time.perf_counter() - began,
        converged_at=_converged_at([one.best for one in history]),
        model=predictor.version,
        history=tuple(one.best for one in history),
        reach=reached,
        reachable=all(one.within for one in reached),
        iterations=tuple(history),
        evaluated=looked_at,
    )


def _search(
    evaluate: _Evaluations,
    cube: UnitCube,
    start: Array,
    iterations: int,
    seed: int,
    patience: int | None,
    progress: Progress | None,
) -> list[Iteration]:
    """Let a swarm fly."""
    swarm = ParticleSwarm(start, seed)
    history: list[Iteration] = []
    for iteration in range(1, iterations + 1):
        positions = swarm.ask()
        costs = np.array([one.score.total for one in evaluate([cube.decode(one) for one in positions])])
        swarm.tell(costs)
        best = swarm.best_cost
        stagnant = history[-1].stagnant + 1 if history and history[-1].best <= best else 0
        history.append(Iteration(best, float(np.median(costs)), _diversity(positions), stagnant))
        if progress is not None:
            progress(iteration, iterations, best)
        if patience is not None and iteration > patience and history[-1 - patience].best <= best * 1.001:
            break
    return history


def _diversity(positions: Array) -> float:
    """Mean distance (n, d) from the centre, as a share of the unit cube's diagonal."""
    away = np.linalg.norm(positions - positions.mean(axis=0), axis=1)
    return float(away.mean() / np.sqrt(positions.shape[1]))


def _start(cube: UnitCube, particles: int, seed: int, known: Sequence[Conditions]) -> Array:
    """Half of the swarm at most starts at known conditions (the latest first), the rest on a Sobol design."""
    latest = [np.clip(cube.encode(conditions), 0.0, 1.0) for conditions in reversed(known)][: particles // 2]
    return np.array([*latest, *cube.sample(particles - len(latest), seed)])


def _polish(evaluate: _Evaluations, cube: UnitCube, avoided: set[Key]) -> None:
    """Walk from the best downhill by single steps, so that the answer is a local optimum on the steps;
    the neighbours of an avoided optimum are looked at too, as one of them will be proposed in its place.
    """
    here: _Evaluated | None = None
    for _ in range(_POLISH_ROUNDS):
        best = min(evaluate.known.values(), key=lambda one: one.score.total)
        allowed = [one for key, one in evaluate.known.items() if key not in avoided]
        best_allowed = min(allowed, key=lambda one: one.score.total, default=best)
        if best_allowed is here:
            return
        here = best_allowed
        around = cube.neighbours(best.conditions)
        if best_allowed is not best:
            around += cube.neighbours(best_allowed.conditions)
        if around:
            evaluate(around)


def _diverse(ranked: Sequence[_Evaluated], cube: UnitCube, wanted: int) -> list[_Evaluated]:
    """The best, then the best ``APART`` from all chosen before (halved while too few are)."""
    chosen = [ranked[0]]
    apart = APART
    finite = [one for one in ranked[:2000] if math.isfinite(one.score.total)]
    while len(chosen) < min(wanted, len(finite)):
        for one in finite:
            if len(chosen) < wanted and all(
                one is not other and cube.distance(one.conditions, other.conditions) >= apart
                for other in chosen
            ):
                chosen.append(one)
        apart = apart / 2 if apart > 1e-3 else 0.0
    return sorted(chosen, key=lambda one: one.score.total)


def _candidate(one: _Evaluated, cube: UnitCube, known: Sequence[Conditions]) -> Candidate:
    return Candidate(
        conditions=one.conditions,
        predicted=one.predicted,
        objective=one.score.total,
        score=one.score,
        in_manifold=one.manifold_distance <= 1.0 + 1e-9,
        manifold_distance=one.manifold_distance,
        nearest_known=min((cube.distance(one.conditions, other) for other in known), default=math.inf),
    )


def _converged_at(history: Sequence[float]) -> int:
    final = history[-1]
    near = (i for i, best in enumerate(history, start=1) if best <= final + 0.01 * abs(final) + 1e-9)
    return next(near, len(history))
