import itertools
import math

import numpy as np
import pytest

from models.errors import UnusableInput
from models.inverse import ObjectiveWeights, UnitCube, optimise
from models.values import Constraint, Estimate, Parameter, Space, Target

SPACE = Space(
    (
        Parameter("pH", "", 9.8, 11.0, 0.05),
        Parameter("time_min", "min", 30, 720, 10),
        Parameter("atmosphere", "", categories=("N2", "O2")),
    ),
    fixed={"stirring_rpm": 1000.0},
)
SIZE = Target("d50_um", "value", 8.0, 8.0, 1.0, 0.4, 0.4)
ROUND = Target("sphericity_mean", "at_least", 0.9, math.inf, 1.0, 0.02, 0.02)
PLAIN = ObjectiveWeights(uncertainty=0.0, manifold=0.0)


class Ripening:
    """A smooth response with a known answer; counts what it is asked."""

    version = "toy-1"

    def __init__(self):
        self.images_generated = 0
        self.asked = []

    def predict(self, many):
        self.asked += many
        self.images_generated += 4 * len(many)
        out = []
        for c in many:
            grown = math.log(c["time_min"] / 30)
            size = 12 - 5 * (c["pH"] - 9.8) + 0.5 * grown - (c["atmosphere"] == "O2")
            out.append(
                {
                    "d50_um": Estimate(size, 0.2),
                    "sphericity_mean": Estimate(0.75 + 0.06 * grown - 0.2 * (c["atmosphere"] == "O2"), 0.01),
                }
            )
        return out

    def manifold_distance(self, conditions):
        return abs(conditions["pH"] - 10.4)


def test_it_meets_a_reachable_target():
    result = optimise(Ripening(), SPACE, [SIZE, ROUND], particles=12, iterations=15, weights=PLAIN)
    best = result.best
    assert best.conditions["atmosphere"] == "N2"
    assert best.conditions["stirring_rpm"] == 1000.0
    assert abs(best.predicted["d50_um"].mean - 8.0) < 0.1
    assert best.predicted["sphericity_mean"].mean >= 0.9
    assert best.objective < 0.1
    assert result.model == "toy-1"
    assert list(result.history) == sorted(result.history, reverse=True)
    assert result.reachable


def test_the_course_of_the_search_is_told():
    result = optimise(Ripening(), SPACE, [SIZE, ROUND], particles=12, iterations=15, weights=PLAIN)
    assert [one.best for one in result.iterations] == list(result.history)
    first, last = result.iterations[0], result.iterations[-1]
    assert first.diversity > 2 * last.diversity > 0
    assert all(one.median >= one.best for one in result.iterations)
    for before, after in itertools.pairwise(result.iterations):
        assert after.stagnant == (before.stagnant + 1 if after.best >= before.best else 0)
    assert {one.iteration for one in result.evaluated} <= set(range(1, 16))
    assert len(result.evaluated) <= 12 * 15


def test_a_target_out_of_reach_is_said_with_the_nearest_there_is():
    far = Target("d50_um", "value", 20.0, 20.0, 1.0, 0.4, 0.4)
    result = optimise(Ripening(), SPACE, [far, ROUND], particles=12, iterations=15, weights=PLAIN)
    assert not result.reachable
    size, roundness = result.reach
    assert (size.within, roundness.within) == (False, True)
    # The largest there is: 12 µm at pH 9.8, and what 720 min add.
    assert size.predicted.mean == pytest.approx(12 + 0.5 * math.log(24), abs=0.1)
    assert size.misses_by == pytest.approx(size.predicted.mean - 20.0)
    assert len(result.history) == 15
    assert 1 <= result.converged_at <= 15
    assert result.history[result.converged_at - 1] <= 1.01 * result.history[-1] + 1e-9


def test_repeated_conditions_are_not_predicted_again():
    predictor = Ripening()
    result = optimise(predictor, SPACE, [SIZE], particles=10, iterations=10)
    asked = [tuple(sorted(conditions.items())) for conditions in predictor.asked]
    assert len(asked) == len(set(asked)) == result.distinct_evaluations
    assert result.evaluations == 100
    assert result.images_generated == 4 * len(asked)


def test_the_seed_decides_and_the_global_random_state_stays():
    np.random.seed(7)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (
        optimise(Ripening(), SPACE, [SIZE], particles=8, iterations=5, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert first.best == again.best
    assert first.history == again.history
    assert first.history != other.history


def test_candidates_differ_and_come_best_first():
    result = optimise(Ripening(), SPACE, [SIZE], particles=12, iterations=10, candidates=4)
    cube = UnitCube(SPACE)
    assert len(result.candidates) == 4
    assert result.best == result.candidates[0]
    assert [c.objective for c in result.candidates] == sorted(c.objective for c in result.candidates)
    assert all(
        cube.distance(a.conditions, b.conditions) >= 0.05
        for i, a in enumerate(result.candidates)
        for b in result.candidates[:i]
    )


def test_measured_conditions_are_not_proposed_again_but_their_neighbours_may_be():
    best = optimise(Ripening(), SPACE, [SIZE, ROUND], particles=12, iterations=15, weights=PLAIN).best
    second = optimise(
        Ripening(),
        SPACE,
        [SIZE, ROUND],
        particles=12,
        iterations=15,
        weights=PLAIN,
        avoid=[best.conditions],
        known=[best.conditions],
    ).best
    assert second.conditions != best.conditions
    assert 0 < second.nearest_known < 0.1
    assert second.objective >= best.objective
    assert best.nearest_known == math.inf


def test_it_stays_on_the_manifold_unless_told_otherwise():
    far = Target("d50_um", "value", 13.5, 13.5, 1.0, 0.4, 0.4)
    strict = ObjectiveWeights(uncertainty=0.0, manifold=1e6)
    narrow = Ripening()
    narrow.manifold_distance = lambda conditions: abs(conditions["pH"] - 10.4) / 0.2
    free = optimise(narrow, SPACE, [far], particles=12, iterations=15, weights=PLAIN).best
    kept = optimise(narrow, SPACE, [far], particles=12, iterations=15, weights=strict).best
    assert free.conditions["pH"] == 9.8
    assert free.in_manifold is False
    assert kept.in_manifold is True
    assert kept.manifold_distance <= 1.0 + 1e-9


def test_constraints_hold_for_everything_that_is_predicted():
    rule = Constraint("time <= 300", lambda c: float(c["time_min"]) <= 300)
    predictor = Ripening()
    optimise(predictor, Space(SPACE.parameters, (rule,)), [ROUND], particles=10, iterations=8)
    assert max(conditions["time_min"] for conditions in predictor.asked) == 300


def test_progress_is_told_after_each_iteration_and_patience_ends_the_swarm():
    told = []
    result = optimise(
        Ripening(),
        SPACE,
        [SIZE],
        particles=20,
        iterations=60,
        patience=5,
        progress=lambda iteration, of, best: told.append((iteration, of, best)),
    )
    assert [iteration for iteration, _, _ in told] == list(range(1, len(told) + 1))
    assert len(told) == len(result.history) < 60
    assert told[-1][1:] == (60, result.history[-1])


def test_nothing_left_to_propose():
    few = Space((Parameter("gas", "", categories=("N2", "O2")),))

    class Constant(Ripening):
        def predict(self, many):
            return [{"d50_um": Estimate(8.0, 0.1)} for _ in many]

        def manifold_distance(self, conditions):
            return 0.0

    with pytest.raises(UnusableInput, match="No feasible conditions are left"):
        optimise(Constant(), few, [SIZE], particles=4, iterations=2, avoid=[{"gas": "N2"}, {"gas": "O2"}])


@pytest.mark.parametrize("setting", [{"particles": 1}, {"iterations": 0}, {"candidates": 0}])
def test_a_search_that_cannot_run_says_so(setting):
    with pytest.raises(UnusableInput, match="cannot run"):
        optimise(Ripening(), SPACE, [SIZE], **setting)
