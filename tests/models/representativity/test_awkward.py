"""Inputs on which the published implementation hangs, crashes or is silently wrong: an answer at once."""

import time

import numpy as np
import pytest
from scipy import ndimage

from models.errors import UnusableInput
from models.representativity import estimate

METHODS = ("calibrated", "imagerep")


def at_once(image, **arguments):
    began = time.process_time()
    try:
        return estimate(image, **arguments)
    finally:
        assert time.process_time() - began < 1


def noise(*shape, seed=0):
    return (np.random.default_rng(seed).random(shape) < 0.5).astype(np.uint8)


def stripes(period, side=512):
    return np.tile((np.arange(side) // (period // 2)) % 2, (side, 1)).astype(np.uint8)


def bands(side=1200):
    """Rows of one phase or the other, at random, with a little noise."""
    rng = np.random.default_rng(4)
    rows = np.repeat(rng.random(side // 6) < 0.5, 6)
    return (rows[:, None] ^ (rng.random((side, side)) < 0.1)).astype(np.uint8)


def trend(side=512):
    return (np.random.default_rng(0).random((side, side)) < np.linspace(0, 1, side)).astype(np.uint8)


def warned(found, words):
    return any(words in warning for warning in found.warnings)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("shape", [(200, 200), (64, 64, 64)])
def test_one_value_bounds_nothing(method, value, shape):
    found = at_once(np.full(shape, value), method=method)
    assert (found.phase_fraction, found.ci, found.representative) == (value, (0.0, 1.0), False)
    assert np.isnan(found.abs_error)
    assert found.further_fields is None
    assert found.warnings


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_empty_field_anywhere_in_a_stack(blobs, method, place):
    fields = [blobs((256, 256), seed=seed) for seed in range(2)]
    fields.insert(place, np.zeros((256, 256), np.uint8))
    found = at_once(fields, method=method)
    assert found.phase_fraction == pytest.approx(0.8 / 3, abs=1e-4)
    assert np.isfinite(found.abs_error)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.full((300, 300), np.nan), "NaN"),
        (np.where(noise(300, 300), np.inf, 0.0), "NaN or infinite"),
        (np.random.default_rng(0).integers(0, 3, (300, 300)), "values are 0, 1, 2"),
        (np.random.default_rng(0).random((300, 300)), "not segmented"),
        (noise(300, 300) + 0j, "complex128"),
        (np.full((300, 300), "solid"), "expected numbers"),
        (np.full((300, 300), None), "expected numbers"),
        (noise(1, 512), "at least 24"),
        (noise(1, 1), "at least 24"),
        (noise(16, 16), "at least 24"),
        (noise(8, 8), "at least 24"),
        (noise(4, 512, 512), "list of 2-D images"),
        (noise(64), "2-D images"),
        (noise(30, 30, 30, 30), "2-D images"),
        (np.float64(1.0), "2-D images"),
        ([noise(64, 64), noise(64, 64, 64)], "mixes"),
        ([], "No image"),
        (np.empty((0, 300)), "at least 24"),
    ],
)
def test_what_cannot_be_judged_is_refused(method, image, words):
    with pytest.raises(UnusableInput, match=words):
        at_once(image, method=method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1, 1), (2, 7), (0.0, 1.0), (False, True)])
def test_any_two_values_are_phases(blobs, method, low, high):
    image = blobs((256, 256))
    recoded = np.where(image == 1, high, low)
    assert at_once(recoded, method=method).ci == pytest.approx(estimate(image, method=method).ci)


@pytest.mark.parametrize("side", [64, 100])
@pytest.mark.parametrize("seed", range(4))
def test_white_noise_in_space_has_an_integral_range_of_one(side, seed):
    image = noise(side, side, side, seed=seed)
    assert at_once(image).integral_range_px == pytest.approx(1, abs=0.2)
    assert np.isfinite(at_once(image, method="imagerep").phase_fraction)


@pytest.mark.parametrize("method", METHODS)
def test_a_field_stretched_thirty_times_returns(blobs, method):
    assert np.isfinite(at_once(blobs((800, 800), (60, 2)), method=method).integral_range_px)


def test_a_transposed_image_has_the_same_integral_range(blobs):
    image = blobs((512, 512), (1.5, 50))
    assert at_once(image.T).integral_range_px == pytest.approx(at_once(image).integral_range_px, rel=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_a_narrow_strip_is_remarked_on(method):
    assert warned(at_once(noise(64, 2000), method=method), "shortest side has 64 px")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("image", [stripes(16), stripes(16).T, stripes(10) ^ stripes(14).T])
def test_periodic_structures_are_remarked_on(method, image):
    assert warned(at_once(image, method=method), "periodic")


def test_random_structures_are_not_called_periodic(blobs):
    for length in (1.5, 5, 30, (3, 12)):
        assert not warned(estimate(blobs((400, 400), length)), "periodic")
    assert not warned(estimate(noise(100, 100, 100)), "periodic")


@pytest.mark.parametrize("method", METHODS)
def test_a_coarse_structure_is_remarked_on(blobs, method):
    assert warned(at_once(blobs((512, 512), 60), method=method), "independent samples")


def test_a_trend_is_remarked_on():
    assert warned(at_once(trend()), "a trend")


def test_bands_have_a_positive_integral_range():
    found = at_once(bands())
    assert found.integral_range_px > 1
    assert found.ci[0] <= 0.5 <= found.ci[1]
    assert np.isfinite(at_once(bands(), method="imagerep").phase_fraction)


def test_fields_of_20_and_60_percent_are_said_to_differ(blobs):
    found = at_once([blobs((512, 512), fraction=0.2), blobs((512, 512), fraction=0.6, seed=1)])
    assert warned(found, "differ")
    assert found.abs_error > 0.2


@pytest.mark.parametrize("method", METHODS)
def test_one_pixel_of_a_phase(method):
    image = np.zeros((256, 256), np.uint8)
    image[100, 100] = 1
    found = at_once(image, method=method)
    assert found.phase_fraction == pytest.approx(1 / 65536)
    assert not found.representative


def test_large_images_take_little_time_and_memory():
    import tracemalloc

    rng = np.random.default_rng(0)
    coarse = ndimage.gaussian_filter(rng.standard_normal((500, 500), dtype=np.float32), 3) > 0
    image = np.kron(coarse, np.ones((8, 8), np.uint8)).astype(np.uint8)
    estimate(image)
    tracemalloc.start()
    began = time.process_time()
    estimate(image)
    took, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6
    assert took < 0.1
