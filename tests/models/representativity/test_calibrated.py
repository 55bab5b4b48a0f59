import numpy as np
import pytest

from models.errors import UnusableInput
from models.representativity import estimate


def test_intervals_hold_the_truth_as_often_as_they_say(blobs):
    # Crops of one large periodic structure, whose fraction is known exactly.
    truth = blobs((2560, 2560), 5, 0.35)
    inside = []
    for row in range(0, 2560, 256):
        for column in range(0, 2560, 256):
            low, high = estimate(truth[row : row + 256, column : column + 256]).ci
            inside.append(low <= 0.35 <= high)
    assert np.mean(inside) >= 0.90


def test_integral_range_scales_with_the_structure(blobs):
    small, large = (estimate(blobs((512, 512), length)).integral_range_px for length in (3, 9))
    assert large == pytest.approx(3 * small, rel=0.3)


def test_required_size_is_about_enough(blobs):
    found = estimate(blobs((400, 400)), target_error=0.03)
    assert not found.representative
    side = round(found.required_size_px)
    assert estimate(blobs((side, side), seed=1), target_error=0.03).rel_error == pytest.approx(0.03, rel=0.35)


def test_a_phase_is_named_by_its_value(blobs):
    image = blobs((256, 256)) + blobs((256, 256), seed=1)
    with pytest.raises(UnusableInput, match="values are 0, 1, 2"):
        estimate(image)
    assert estimate(image, phase=2).phase_fraction == pytest.approx((image == 2).mean())


def test_more_fields_narrow_the_interval(blobs):
    fields = [blobs((256, 256), seed=seed) for seed in range(4)]
    assert estimate(fields).abs_error < 0.7 * estimate(fields[0]).abs_error


def test_fields_that_differ_count_one_by_one(blobs):
    found = estimate([blobs((512, 512), fraction=0.2), blobs((512, 512), fraction=0.6, seed=1)])
    assert found.ci[1] - found.ci[0] > 0.5
    assert found.abs_error <= 1


def test_a_stack_may_hold_fields_of_several_sizes(blobs):
    sizes = [(512, 512), (300, 400), (512, 512), (256, 800)]
    fields = [blobs(size, seed=seed) for seed, size in enumerate(sizes)]
    found = estimate(fields)
    volumes = [field.size for field in fields]
    assert found.phase_fraction == pytest.approx(np.average([f.mean() for f in fields], weights=volumes))
    assert found.n_fields == 4
    assert found.abs_error < min(estimate(field).abs_error for field in fields)


def test_further_fields_are_about_enough(blobs):
    first = estimate([blobs((256, 256))], target_error=0.04)
    assert first.further_fields > 0
    more = [blobs((256, 256), seed=seed) for seed in range(1 + first.further_fields)]
    reached = estimate(more, target_error=0.04)
    assert reached.rel_error == pytest.approx(0.04, rel=0.35)
    assert (reached.further_fields == 0) == reached.representative


def test_further_fields_are_not_told_where_thousands_would_not_do(blobs):
    assert estimate(blobs((256, 256)), target_error=1e-5).further_fields is None


@pytest.mark.parametrize(("name", "value"), [("confidence", 1.0), ("target_error", 0.0), ("method", "magic")])
def test_arguments_are_checked(blobs, name, value):
    with pytest.raises(UnusableInput):
        estimate(blobs((64, 64)), **{name: value})
