import math

import pytest

from models.errors import UnusableInput
from models.inverse.objective import Objective, ObjectiveWeights
from models.values import Estimate, Target

PLAIN = ObjectiveWeights(uncertainty=0.0, manifold=0.0)


def value(name, wanted, weight=1.0, scale=1.0):
    return Target(name, "value", wanted, wanted, weight, scale, 0.05 * wanted)


def test_it_is_the_weighted_sum_of_scaled_squares():
    objective = Objective([value("d50_um", 8.0, 2.0, 0.5), value("texture_mean", 0.6, 1.0, 0.1)], PLAIN)
    score = objective.score({"d50_um": Estimate(9.0, 0.3), "texture_mean": Estimate(0.5, 0.1)})
    assert score.total == pytest.approx(2 * (1 / 0.5) ** 2 + 1 * (0.1 / 0.1) ** 2)
    assert score.total == score.mismatch


@pytest.mark.parametrize(
    ("kind", "low", "high", "predicted", "expected"),
    [
        ("at_least", 0.9, math.inf, 0.95, 0.0),
        ("at_least", 0.9, math.inf, 0.8, 1.0),
        ("at_most", -math.inf, 0.3, 0.2, 0.0),
        ("at_most", -math.inf, 0.3, 0.5, 4.0),
        ("range", 0.2, 0.4, 0.3, 0.0),
        ("range", 0.2, 0.4, 0.1, 1.0),
    ],
)
def test_one_sided_and_range_targets_miss_only_outside(kind, low, high, predicted, expected):
    objective = Objective([Target("x", kind, low, high, 1.0, 0.1, 0.01)], PLAIN)
    assert objective.score({"x": Estimate(predicted, 0.0)}).total == pytest.approx(expected)


def test_uncertainty_of_weight_one_makes_it_the_expected_value():
    objective = Objective([value("x", 1.0, 3.0, 0.2)], ObjectiveWeights(uncertainty=1.0, manifold=0.0))
    score = objective.score({"x": Estimate(1.1, 0.3)})
    assert score.total == pytest.approx(3 * (0.1**2 + 0.3**2) / 0.2**2)


def test_only_beyond_the_edge_of_the_manifold_costs():
    objective = Objective([value("x", 1.0)], ObjectiveWeights(uncertainty=0.0, manifold=4.0))
    here = {"x": Estimate(1.0, 0.0)}
    assert objective.score(here, 1.0).total == 0.0
    assert objective.score(here, 1.5).manifold == pytest.approx(1.0)


def test_a_certain_prediction_is_worth_what_it_improves():
    objective = Objective([value("x", 1.0)], PLAIN, best=4.0)
    certain = [objective.score({"x": Estimate(1.0 + miss, 0.0)}).total for miss in (0.0, 1.0, 2.0, 3.0)]
    assert certain == pytest.approx([0.0, 0.5 + 1.01, 0.5 + 4.04, 0.5 + 4.09])


def test_what_may_beat_the_best_is_worth_more_than_what_surely_falls_short_of_it():
    objective = Objective([value("x", 1.0)], PLAIN, best=4.0)
    sure, doubtful, hopeless = (
        objective.score({"x": Estimate(mean, sd)}).total for mean, sd in ((3.1, 0.1), (3.1, 1.5), (9.0, 1.5))
    )
    assert doubtful < sure < hopeless
    # E[min(4, (2.1 + 1.5 z)²)] = 2.804 by quadrature, a hundredth of 2.1² + 1.5², and a half for missing.
    assert doubtful == pytest.approx(2.804 + 0.0666 + 0.5, abs=0.05)


def test_the_middle_of_all_bands_is_worth_more_than_the_centre_of_one_at_the_edge_of_another():
    objective = Objective([value("x", 1.0), value("y", 1.0)], PLAIN, best=4.0)
    tolerance = objective.targets[0].tolerance

    def at(x: float, y: float) -> float:
        spread = 0.4 * tolerance
        return objective.score(
            {"x": Estimate(1.0 + x * tolerance, spread), "y": Estimate(1.0 + y * tolerance, spread)}
        ).total

    assert at(0.75, 0.75) < at(0.0, 1.0)


def test_what_cannot_be_predicted_is_never_chosen():
    assert Objective([value("x", 1.0)]).score({"x": Estimate(math.nan, math.nan)}).total == math.inf


def test_an_unknown_descriptor_is_named_with_those_there_are():
    with pytest.raises(UnusableInput, match=r"porosity is not one .* \(d50_um, span\)"):
        Objective([value("porosity", 1.0)]).score({"d50_um": Estimate(1, 0), "span": Estimate(1, 0)})


@pytest.mark.parametrize(
    ("targets", "fault"),
    [
        ([], "no target"),
        ([value("x", 1.0, weight=0.0)], "no target"),
        ([Target("x", "range", 2.0, 1.0, 1.0, 1.0, 0.1)], "nothing can meet"),
        ([Target("x", "range", -math.inf, math.inf, 1.0, 1.0, 0.1)], "nothing can meet"),
        ([Target("x", "value", math.nan, math.nan, 1.0, 1.0, 0.1)], "nothing can meet"),
        ([value("x", 1.0, scale=0.0)], "scale"),
    ],
)
def test_targets_that_mean_nothing_are_refused(targets, fault):
    with pytest.raises(UnusableInput, match=fault):
        Objective(targets)


def test_what_cannot_be_told_to_meet_a_target_is_not_aimed_at():
    near, middle = {"x": Estimate(1.045, 0.001)}, {"x": Estimate(1.0, 0.02)}
    sharp = Objective([value("x", 1.0)], PLAIN, best=4.0)
    assert sharp.score(near).total < sharp.score(middle).total
    blurred = Objective([value("x", 1.0)], PLAIN, best=4.0, errors={"x": 0.01})
    assert blurred.score(near).total > blurred.score(middle).total
    # However wide intervals are, the middle stays the best guess.
    hopeless = Objective([value("x", 1.0)], PLAIN, best=4.0, errors={"x": 0.1})
    assert hopeless.score({"x": Estimate(1.0, 0.02)}).total < hopeless.score({"x": Estimate(1.2, 0.02)}).total
