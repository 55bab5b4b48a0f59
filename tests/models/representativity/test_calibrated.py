import time

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


def test_white_noise_has_an_integral_range_of_one():
    noise = np.random.default_rng(0).random((64, 64, 64)) < 0.5
    assert estimate(noise).integral_range_px == pytest.approx(1.0, abs=0.2)


def test_orientation_does_not_matter(blobs):
    image = blobs((512, 512), (20, 1.5))
    upright, turned = estimate(image), estimate(image.T)
    assert turned.integral_range_px == pytest.approx(upright.integral_range_px, rel=0.01)
    assert turned.ci == pytest.approx(upright.ci, abs=0.001)


def test_required_size_is_about_enough(blobs):
    found = estimate(blobs((400, 400)), target_error=0.03)
    assert not found.representative
    side = round(found.required_size_px)
    assert estimate(blobs((side, side), seed=1), target_error=0.03).rel_error == pytest.approx(0.03, rel=0.35)


@pytest.mark.parametrize("values", [(0, 255), (-1, 1), (0.0, 1.0), (2, 7)])
def test_any_two_values_are_phases(blobs, values):
    image = blobs((256, 256))
    recoded = np.where(image == 1, values[1], values[0])
    assert estimate(recoded).ci == pytest.approx(estimate(image).ci)


def test_a_phase_is_named_by_its_value(blobs):
    image = blobs((256, 256)) + blobs((256, 256), seed=1)
    with pytest.raises(UnusableInput, match="values are 0, 1, 2"):
        estimate(image)
    assert estimate(image, phase=2).phase_fraction == pytest.approx((image == 2).mean())


def test_more_fields_narrow_the_interval(blobs):
    fields = [blobs((256, 256), seed=seed) for seed in range(4)]
    assert estimate(fields).abs_error < 0.7 * estimate(fields[0]).abs_error


def test_fields_that_differ_are_told(blobs):
    found = estimate([blobs((512, 512), fraction=0.2), blobs((512, 512), fraction=0.6, seed=1)])
    assert any("differ" in warning for warning in found.warnings)
    assert found.ci[1] - found.ci[0] > 0.5
    assert found.abs_error <= 1


@pytest.mark.parametrize("value", [0, 1])
def test_an_image_without_contrast_bounds_nothing(value):
    found = estimate(np.full((128, 128), value))
    assert found.phase_fraction == value
    assert found.ci == (0.0, 1.0)
    assert not found.representative
    assert "no contrast" in found.warnings[0]


def test_an_empty_field_is_pooled_with_others(blobs):
    found = estimate([np.zeros((256, 256)), blobs((256, 256))])
    assert found.phase_fraction == pytest.approx(0.2, abs=1e-4)
    assert np.isfinite(found.abs_error)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.full((64, 64), np.nan), "NaN"),
        (np.random.default_rng(0).random((64, 64)), "not segmented"),
        (np.zeros((1, 512)), "at least 24"),
        (np.zeros((16, 16)), "at least 24"),
        (np.zeros((4, 512, 512)), "list of 2-D images"),
        ([np.zeros((64, 64)), np.zeros((64, 64, 64))], "mixes"),
        ([], "No image"),
        (np.zeros(64), "2-D images"),
    ],
)
def test_what_cannot_be_judged_is_refused(image, words):
    for method in ("calibrated", "imagerep"):
        with pytest.raises(UnusableInput, match=words):
            estimate(image, method=method)


def test_periodic_structures_are_told(blobs):
    y, x = np.mgrid[:256, :256]
    for periodic in ((x // 8) % 2, (y // 8) % 2, (x // 11 + y // 13) % 2):
        assert any("periodic" in warning for warning in estimate(periodic).warnings)
    for length in (1.5, 5, 30):
        assert not any("periodic" in warning for warning in estimate(blobs((400, 400), length)).warnings)


def test_trends_and_coarse_structures_are_told(blobs):
    x = np.arange(512) / 512
    trend = np.random.default_rng(0).random((512, 512)) < x
    for image in (trend, blobs((512, 512), 60)):
        assert any("independent samples" in warning for warning in estimate(image).warnings)


def test_long_narrow_and_stretched_images_answer_at_once(blobs):
    began = time.process_time()
    for image in (blobs((64, 2000)), blobs((800, 800), (60, 2)), blobs((1200, 1200), (1, 40))):
        for method in ("calibrated", "imagerep"):
            assert np.isfinite(estimate(image, method=method).integral_range_px)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(("name", "value"), [("confidence", 1.0), ("target_error", 0.0), ("method", "magic")])
def test_arguments_are_checked(blobs, name, value):
    with pytest.raises(UnusableInput):
        estimate(blobs((64, 64)), **{name: value})
