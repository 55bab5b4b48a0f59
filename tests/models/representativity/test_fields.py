import math

import numpy as np
import pytest

from models.morphology.measures import FieldMeasurement
from models.representativity import FieldSpread, descriptor_intervals, fields_needed, spread_of_earlier


def sample(fields, per_field, field_sd, seed):
    """Fields of log-normal diameters of median 8 µm, with a field effect of log SD ``field_sd``."""
    rng = np.random.default_rng(seed)
    made = []
    for effect in rng.normal(0, field_sd, fields):
        diameters = 8 * np.exp(effect + rng.normal(0, 0.3, per_field))
        roundness = np.clip(rng.normal(0.9, 0.04, per_field), 0, 1)
        samples = {"diameter_um": diameters, "sphericity": roundness, "weight": np.ones(per_field)}
        made.append(FieldMeasurement("particles", samples))
    return made


def test_intervals_cover_the_truth_though_fields_differ():
    inside = []
    for seed in range(200):
        interval = descriptor_intervals(sample(5, 30, 0.06, seed), only=["d50_um"])["d50_um"]
        inside.append(interval.low <= 8 <= interval.high)
    assert 0.90 <= np.mean(inside) <= 1.0


def test_interval_and_fields_needed():
    found = descriptor_intervals(sample(6, 60, 0.05, 1), confidence=0.9, target_error=0.05)
    interval = found["d50_um"]
    assert set(found) >= {"d50_um", "span", "sphericity_mean"}
    assert interval.low < interval.value < interval.high
    assert (interval.confidence, interval.n_fields) == (0.9, 6)
    assert interval.fields_needed >= 2
    # On a log scale the interval is a factor to both sides.
    assert interval.high / interval.value == pytest.approx(interval.value / interval.low)


def test_one_field_gives_no_interval():
    interval = descriptor_intervals(sample(1, 50, 0.0, 0))["d50_um"]
    assert (interval.low, interval.high, interval.fields_needed) == (0.0, math.inf, 0)
    assert interval.value == pytest.approx(8, rel=0.2)


def test_what_is_undefined_stays_undefined():
    empty = {name: np.empty(0) for name in ("diameter_um", "sphericity", "weight")}
    interval = descriptor_intervals([FieldMeasurement("particles", empty)] * 2)["d50_um"]
    assert math.isnan(interval.value)
    assert math.isnan(interval.low)


def test_kinds_may_be_mixed():
    texture = [
        FieldMeasurement("texture", {"texture": np.array([0.4, value]), "weight": np.ones(2)})
        for value in (0.45, 0.5, 0.55)
    ]
    found = descriptor_intervals([*sample(3, 20, 0.05, 0), *texture])
    assert {"d50_um", "texture_mean"} <= set(found)
    assert found["texture_mean"].value == pytest.approx(0.45)


@pytest.mark.parametrize(("ratio", "needed"), [(0.5, 4), (1, 7), (2, 18), (3, 38)])
def test_fields_needed_by_the_scatter_of_fields(ratio, needed):
    assert fields_needed(ratio, 1.0, 0.95) == pytest.approx(needed, abs=0 if ratio > 0.5 else 3)


def test_an_unreachable_precision_is_told_by_zero():
    assert fields_needed(1.0, 1e-3, 0.95) == 0


def test_earlier_samples_narrow_the_interval_of_few_fields():
    earlier = spread_of_earlier([sample(5, 60, 0.06, seed) for seed in range(100, 120)])
    spread = earlier["d50_um"]
    # 60 particles of log SD 0.3 leave their median uncertain by about 0.05.
    assert math.sqrt(spread.variance) == pytest.approx(0.08, rel=0.35)
    assert 3 < spread.freedom <= 80
    narrower, inside = [], []
    for seed in range(100):
        fields = sample(3, 60, 0.06, seed)
        alone = descriptor_intervals(fields, only=["d50_um"])["d50_um"]
        helped = descriptor_intervals(fields, only=["d50_um"], earlier=earlier)["d50_um"]
        assert helped.value == alone.value
        narrower.append(math.log(helped.high / helped.low) / math.log(alone.high / alone.low))
        inside.append(helped.low <= 8 <= helped.high)
    assert np.median(narrower) < 0.75
    assert np.mean(inside) >= 0.88


def test_earlier_samples_bound_even_one_field():
    earlier = spread_of_earlier([sample(5, 60, 0.06, seed) for seed in range(8)])
    interval = descriptor_intervals(sample(1, 60, 0.06, 99), earlier=earlier)["d50_um"]
    assert 0 < interval.low < interval.value < interval.high < math.inf
    assert interval.fields_needed >= 1


def test_too_few_earlier_samples_say_nothing():
    assert spread_of_earlier([sample(5, 60, 0.06, seed) for seed in range(7)]) == {}
    single = [sample(1, 60, 0.06, seed) for seed in range(20)]
    assert spread_of_earlier(single) == {}


def test_fields_that_differ_from_sample_to_sample_are_trusted_less():
    alike = spread_of_earlier([sample(5, 60, 0.06, seed) for seed in range(12)])["d50_um"]
    unlike = [sample(5, 60, 0.01 if seed % 2 else 0.5, seed) for seed in range(12)]
    assert spread_of_earlier(unlike)["d50_um"].freedom < alike.freedom / 2


def test_the_moderated_variance_lies_between_both():
    variance, freedom = FieldSpread(variance=4.0, freedom=6.0).moderated(1.0, 2)
    assert (variance, freedom) == (pytest.approx(3.25), 8)
