import numpy as np
import pytest

from models.errors import UnusableInput
from models.representativity import estimate, estimate_phases


def three(blobs):
    return 3 * blobs((300, 300)) + 4 * blobs((300, 300), seed=1) * (1 - blobs((300, 300)))


def test_every_phase_has_its_interval_and_all_hold_together(blobs):
    image = three(blobs)
    found = estimate_phases(image, confidence=0.94)
    assert list(found) == [0, 3, 4]
    assert sum(one.phase_fraction for one in found.values()) == pytest.approx(1)
    for value, one in found.items():
        assert one.confidence == pytest.approx(0.98)
        assert one == estimate(image, confidence=one.confidence, phase=value)


def test_of_two_phases_one_interval_is_the_mirror_of_the_other(blobs):
    solid, pores = (estimate_phases(blobs((300, 300)))[value] for value in (1, 0))
    assert solid.confidence == 0.95
    assert solid.ci == pytest.approx((1 - pores.ci[1], 1 - pores.ci[0]), abs=1e-9)
    assert solid.abs_error == pytest.approx(pores.abs_error)


def test_a_stack_may_lack_a_phase_in_some_fields(blobs):
    found = estimate_phases([three(blobs), blobs((300, 300), seed=5)])
    assert set(found) == {0, 1, 3, 4}
    assert all(one.n_fields == 2 for one in found.values())


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.arange(64 * 64).reshape(64, 64), "4096 different values"),
        (np.full((64, 64), np.nan), "NaN"),
        (np.full((64, 64), "a"), "expected numbers"),
        ([], "No image"),
    ],
)
def test_what_is_not_segmented_is_refused(image, words):
    with pytest.raises(UnusableInput, match=words):
        estimate_phases(image)
