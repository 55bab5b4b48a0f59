import math

import numpy as np
import pytest

from models.errors import UnusableInput
from models.inverse.space import UnitCube
from models.learning.corrected import CorrectedPredictor
from models.learning.observations import Observation
from models.learning.residual import ResidualModel
from models.values import Estimate, Parameter, Space

CUBE = UnitCube(Space((Parameter("a", "", 0, 1), Parameter("b", "", 0, 1))))
POSITIVE = {"size": True, "shift": False}
CENTRE = {"a": 0.5, "b": 0.5}


class Base:
    """Predicts a size that is too small by a factor that varies from place to place."""

    version = "base"
    images_generated = 17

    def predict(self, many):
        return [{"size": Estimate(8 * math.exp(c["a"] - 0.5), 0.4)} for c in many]

    def manifold_distance(self, conditions):
        return 3.0


def truth(c, bias=lambda c: 0.12):
    return 8 * math.exp(c["a"] - 0.5 + bias(c))


def measured(c, bias=lambda c: 0.12, error=0.01):
    value = truth(c, bias)
    return Observation(c, {"size": Estimate(value, error * value)})


def corrected(observations, base=None):
    base = base or Base()
    predicted = base.predict([one.conditions for one in observations])
    model = ResidualModel.fit(CUBE, observations, predicted, descriptors=["size"], positive=POSITIVE)
    return CorrectedPredictor(base, model, CUBE, observations)


def test_one_measurement_corrects_its_surroundings_and_most_of_the_space():
    predictor = corrected([measured(CENTRE)])
    near, corner = predictor.predict([{"a": 0.6, "b": 0.4}, {"a": 1.0, "b": 1.0}])
    assert near["size"].mean == pytest.approx(truth({"a": 0.6, "b": 0.4}), rel=0.02)
    uncorrected = Base().predict([{"a": 1.0, "b": 1.0}])[0]["size"].mean
    assert corner["size"].mean > uncorrected * 1.06
    assert near["size"].sd < corner["size"].sd


def test_the_spread_is_the_measuring_error_at_the_point_and_grows_away():
    predictor = corrected([measured(CENTRE)])
    predictions = predictor.predict([{"a": x, "b": x} for x in (0.5, 0.7, 1.0)])
    spreads = [p["size"].sd / p["size"].mean for p in predictions]
    assert spreads[0] < 0.03
    assert spreads == sorted(spreads)
    assert spreads[2] > 0.04


def test_a_bias_that_varies_is_learnt_from_a_few_points():
    def bias(c):
        return 0.15 * (c["a"] - c["b"])

    rng = np.random.default_rng(0)
    points = [{"a": float(a), "b": float(b)} for a, b in rng.uniform(size=(8, 2))]
    predictor = corrected([measured(c, bias) for c in points])
    grid = [{"a": a, "b": b} for a in (0.2, 0.5, 0.8) for b in (0.2, 0.5, 0.8)]
    errors = [p["size"].mean / truth(c, bias) - 1 for p, c in zip(predictor.predict(grid), grid, strict=True)]
    assert np.abs(errors).max() < 0.03


def test_noisy_measurements_are_averaged_not_followed():
    rng = np.random.default_rng(1)
    observations = []
    for x in np.linspace(0.45, 0.55, 12):
        c = {"a": float(x), "b": 0.5}
        value = truth(c) * math.exp(0.08 * rng.normal())
        observations.append(Observation(c, {"size": Estimate(value, 0.08 * value)}))
    (estimate,) = corrected(observations).predict([CENTRE])
    assert estimate["size"].mean == pytest.approx(truth(CENTRE), rel=0.06)
    assert 0.01 < estimate["size"].sd / estimate["size"].mean < 0.06


def test_a_descriptor_that_may_be_negative_is_corrected_by_addition():
    class Shift(Base):
        def predict(self, many):
            return [{"shift": Estimate(-1.0, 0.1)} for _ in many]

    observation = Observation(CENTRE, {"shift": Estimate(-0.8, 0.01)})
    model = ResidualModel.fit(
        CUBE, [observation], Shift().predict([CENTRE]), descriptors=["shift"], positive=POSITIVE
    )
    (estimate,) = CorrectedPredictor(Shift(), model, CUBE, [observation]).predict([CENTRE])
    assert estimate["shift"].mean == pytest.approx(-0.8, abs=0.02)


def test_without_a_generator_it_is_the_whole_prediction():
    rng = np.random.default_rng(2)
    points = [{"a": float(a), "b": float(b)} for a, b in rng.uniform(size=(10, 2))]
    observations = [measured(c) for c in points]
    model = ResidualModel.fit(CUBE, observations, None, descriptors=["size"], positive=POSITIVE)
    predictor = CorrectedPredictor(None, model, CUBE, observations)
    at_data, between = predictor.predict([points[0], CENTRE])
    assert at_data["size"].mean == pytest.approx(truth(points[0]), rel=0.02)
    assert between["size"].mean == pytest.approx(truth(CENTRE), rel=0.04)
    assert predictor.version == "gaussian-process+10"
    assert predictor.images_generated == 0


def test_its_doubt_grows_away_from_the_data():
    observations = [measured({"a": 0.1, "b": 0.1}), measured({"a": 0.2, "b": 0.1})]
    model = ResidualModel.fit(CUBE, observations, None, descriptors=["size"], positive=POSITIVE)
    predictor = CorrectedPredictor(None, model, CUBE, observations)
    near, far = predictor.predict([{"a": 0.15, "b": 0.1}, {"a": 1, "b": 1}])
    assert far["size"].sd / far["size"].mean > 4 * near["size"].sd / near["size"].mean


def test_measurements_extend_the_manifold():
    predictor = corrected([measured(CENTRE)])
    assert predictor.manifold_distance(CENTRE) == 0.0
    assert predictor.manifold_distance({"a": 0.6, "b": 0.6}) == pytest.approx(0.4)
    assert predictor.manifold_distance({"a": 1.0, "b": 1.0}) == pytest.approx(2.0)


def test_nothing_known_is_refused():
    model = ResidualModel.fit(CUBE, [], None, descriptors=["size"], positive=POSITIVE)
    with pytest.raises(UnusableInput, match="before the first measurement"):
        CorrectedPredictor(None, model, CUBE, [])
