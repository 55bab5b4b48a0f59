"""Smoothing against a predictor whose single predictions scatter about a known surface."""

import math

import numpy as np
import pytest

from models.inverse import ObjectiveWeights, SmoothedPredictor, UnitCube, optimise
from models.values import Estimate, Parameter, Space, Target

SPACE = Space((Parameter("pH", "", 9.8, 11.0, 0.01), Parameter("time_min", "min", 30, 720, 1)))
CUBE = UnitCube(SPACE)
SCATTER = 0.08


class Scattering:
    """``size`` with 8 % of scatter, a function of the conditions as common random numbers make it."""

    version = "scattering"
    own_error = {"size": 0.03}  # noqa: RUF012
    images_generated = 0

    def truth(self, conditions):
        a, b = CUBE.encode(conditions)
        return 8 * math.exp(0.4 * (a - 0.5) - 0.6 * (b - 0.5) ** 2)

    def predict(self, many):
        self.images_generated += len(many)
        return [{"size": Estimate(self.truth(c) * math.exp(SCATTER * self._luck(c)), 0.6)} for c in many]

    def _luck(self, conditions):
        seed = [round(100 * conditions["pH"]), round(conditions["time_min"])]
        return np.random.default_rng(seed).normal()

    def manifold_distance(self, conditions):
        return 0.25


def smoothed(base, n=100, **positive):
    evaluated = [CUBE.decode(point) for point in CUBE.sample(n, 3)]
    return SmoothedPredictor(base, CUBE, evaluated, positive=positive or {"size": True})


ELSEWHERE = [CUBE.decode(point) for point in 0.1 + 0.8 * np.random.default_rng(5).random((60, 2))]


@pytest.mark.parametrize("positive", [True, False])
def test_the_scatter_is_taken_out_and_what_is_left_is_stated(positive):
    base = Scattering()
    found = smoothed(base, size=positive).predict(ELSEWHERE)
    errors = np.array([one["size"].mean / base.truth(c) - 1 for one, c in zip(found, ELSEWHERE, strict=True)])
    assert np.sqrt(np.mean(errors**2)) < SCATTER / 2.5
    left = [math.sqrt((one["size"].sd / one["size"].mean) ** 2 - 0.03**2) for one in found]
    assert 0.5 < np.sqrt(np.mean(errors**2)) / np.mean(left) < 2


def test_nothing_is_generated_for_new_conditions():
    base = Scattering()
    predictor = smoothed(base)
    predictor.predict(ELSEWHERE)
    assert predictor.images_generated == base.images_generated == 100
    assert predictor.version == "scattering"
    assert predictor.manifold_distance(ELSEWHERE[0]) == 0.25


def test_with_too_few_predictions_the_base_speaks():
    base = Scattering()
    assert smoothed(base, n=8).predict(ELSEWHERE[:2]) == base.predict(ELSEWHERE[:2])


def test_conditions_that_showed_nothing_stay_unknown():
    class Blank(Scattering):
        def predict(self, many):
            found = super().predict(many)
            empty = Estimate(math.nan, math.nan)
            return [{"size": empty} if c == blank else one for c, one in zip(many, found, strict=True)]

    blank = CUBE.decode(CUBE.sample(100, 3)[7])
    nothing, something = smoothed(Blank()).predict([blank, ELSEWHERE[0]])
    assert math.isnan(nothing["size"].mean)
    assert math.isfinite(something["size"].mean)


def test_a_constant_is_a_constant():
    class Flat(Scattering):
        def predict(self, many):
            return [{"size": Estimate(8.0, 0.1)} for _ in many]

    (found,) = smoothed(Flat()).predict(ELSEWHERE[:1])
    assert found["size"].mean == pytest.approx(8.0)


def test_the_search_is_not_led_by_fortunate_predictions():
    # Nothing gives 11: the raw search would pick conditions for their luck, and promise what they don't keep.
    target = Target("size", "value", 11.0, 11.0, 1.0, 0.4, 0.4)
    plain = ObjectiveWeights(uncertainty=0.0)
    base = Scattering()
    raw, settled = (
        optimise(base, SPACE, [target], particles=16, iterations=12, weights=plain, settle=settle).best
        for settle in (
            None,
            lambda evaluated: SmoothedPredictor(base, CUBE, evaluated, positive={"size": True}),
        )
    )
    best = max(base.truth(CUBE.decode(np.array([1.0, b]))) for b in np.linspace(0, 1, 21))
    assert base.truth(settled.conditions) > 0.97 * best
    assert raw.predicted["size"].mean > 1.05 * base.truth(raw.conditions)
    assert settled.predicted["size"].mean == pytest.approx(base.truth(settled.conditions), rel=0.04)
