import numpy as np
import pytest

from models.errors import UnusableInput
from tests.models.generator.stand_in import SIDE, conditions, generator

pytestmark = pytest.mark.slow  # it brings in the networks


def test_same_seed_same_images_other_seed_others() -> None:
    made = generator()
    first = made.sample(conditions(), magnification=500, n=2, seed=3)
    assert first.shape == (2, SIDE, SIDE)
    assert first.dtype == np.float32
    assert 0.0 <= first.min() <= first.max() <= 1.0
    assert np.array_equal(first, made.sample(conditions(), magnification=500, n=2, seed=3))
    assert not np.array_equal(first, made.sample(conditions(), magnification=500, n=2, seed=4))


def test_conditions_share_their_noise_and_still_differ() -> None:
    made = generator()
    same = made.sample_many([conditions(), conditions()], magnification=500, n=2, seed=0)
    assert np.allclose(same[0], same[1], atol=1e-5)
    assert not np.allclose(same[0, 0], same[0, 1], atol=1e-3)
    apart = made.sample_many([conditions(0.0), conditions(2.0)], magnification=500, n=1, seed=0)
    assert not np.allclose(apart[0], apart[1], atol=1e-4)


def test_more_images_begin_with_the_same_ones() -> None:
    made = generator()
    few = made.sample(conditions(), magnification=500, n=1, seed=0)
    more = made.sample(conditions(), magnification=500, n=3, seed=0)
    assert np.allclose(few[0], more[0], atol=1e-4)


def test_unknown_parameters_do_not_change_an_image() -> None:
    made = generator()
    plain = made.sample(conditions(), magnification=500, n=1, seed=0)
    extra = made.sample({**conditions(), "stirring_rpm": 900.0}, magnification=500, n=1, seed=0)
    assert np.array_equal(plain, extra)


def test_what_it_shows_and_where() -> None:
    made = generator()
    assert made.pixel_size_um(500) == 0.5
    assert made.schema.magnification_showing("phase_fraction") == 500
    with pytest.raises(UnusableInput, match="shows no 'd50_um'"):
        made.schema.magnification_showing("d50_um")


def test_nothing_asked_for_is_refused() -> None:
    with pytest.raises(UnusableInput, match="At least one image"):
        generator().sample(conditions(), magnification=500, n=0, seed=0)
