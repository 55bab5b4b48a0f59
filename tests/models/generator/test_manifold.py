import pytest

from models.generator.encoding import ConditionEncoder
from models.generator.manifold import Manifold
from tests.models.generator.stand_in import conditions, schema

pytestmark = pytest.mark.slow  # it brings in the networks


def manifold() -> Manifold:
    known = [conditions(f, h, g) for f in (0.0, 1.0, 2.0) for h in (10.0, 100.0) for g in ("Ar", "air")]
    return Manifold(ConditionEncoder(schema()), known)


def test_zero_at_a_training_condition() -> None:
    assert manifold().distance(conditions(1.0, 100.0)) == pytest.approx(0.0, abs=1e-9)


def test_inside_between_training_conditions() -> None:
    assert 0.0 < manifold().distance(conditions(0.5, 30.0)) <= 1.5


def test_above_one_outside_a_range_and_growing() -> None:
    near, far = (manifold().distance(conditions(feed)) for feed in (2.1, 3.5))
    assert 1.0 < near < far
