import math

import pytest

from models.learning.observations import Observation
from models.values import Estimate, Interval


def test_an_interval_becomes_a_standard_error():
    observation = Observation({}, {"d50_um": Interval(8.0, 7.02, 8.98, 0.95, 5, 9)})
    estimate = observation.estimate("d50_um")
    assert estimate.mean == 8.0
    assert estimate.sd == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("bounds", [(math.nan, math.nan), (8.0, 8.0), (-math.inf, math.inf)])
def test_an_interval_without_width_counts_as_five_percent(bounds):
    observation = Observation({}, {"d50_um": Interval(8.0, *bounds, 0.95, 1, 0)})
    assert observation.estimate("d50_um") == Estimate(8.0, 0.4)


def test_what_was_not_measured_is_none():
    observation = Observation({}, {"span": Estimate(math.nan, 0.1)})
    assert observation.estimate("d50_um") is None
    assert observation.estimate("span") is None
