import numpy as np
import pytest

from models.morphology.learned import appearance


@pytest.fixture
def pair():
    """Two particles beside each other, of two brightnesses, a dark seam between them; and their labels."""
    labels = np.zeros((80, 120), np.int32)
    labels[20:60, 20:60] = 1
    labels[20:60, 60:100] = 2
    pixels = np.choose(labels, [0.1, 0.4, 0.7]).astype(np.float32)
    pixels[20:60, 59:61] = 0.1
    return pixels, labels


def test_another_appearance_is_finite_and_of_the_same_size_and_kind(pair):
    pixels, labels = pair
    before = pixels.copy()
    for seed in range(40):
        other = appearance.changed(pixels, labels, np.random.default_rng(seed))
        assert other.shape == pixels.shape
        assert other.dtype == np.float32
        assert np.isfinite(other).all()
        assert -0.5 <= other.min() <= other.max() <= 1.5
        assert np.ptp(other) > 0.05
    assert (pixels == before).all()


def test_a_picture_without_particles_can_be_changed_too():
    blank = np.full((40, 40), 0.5, np.float32)
    for seed in range(40):
        other = appearance.changed(blank, np.zeros((40, 40), np.int32), np.random.default_rng(seed))
        assert np.isfinite(other).all()


def test_particles_are_brought_to_one_brightness_or_taken_apart_and_the_ground_stays(pair):
    pixels, labels = pair
    steps = []
    for seed in range(60):
        other = appearance.rebalanced(pixels, labels, np.random.default_rng(seed))
        assert (other[labels == 0] == pixels[labels == 0]).all()
        steps.append(abs(other[40, 80] - other[40, 40]))
    assert min(steps) < 0.02  # was 0.3
    assert max(steps) > 0.4


def test_seams_fade_and_outlines_against_the_ground_stay(pair):
    pixels, labels = pair
    other = appearance.seams_faded(pixels, labels, np.random.default_rng(0))
    assert other[40, 60] > pixels[40, 60] + 0.05
    assert other[40, 22] == pytest.approx(pixels[40, 22], abs=1e-3)
    assert other[5, 5] == pytest.approx(pixels[5, 5], abs=1e-3)


def test_a_tone_curve_keeps_the_order_of_grey_levels_but_for_noise():
    ramp = np.repeat(np.linspace(0.0, 1.0, 200, dtype=np.float32)[None], 200, axis=0)
    for seed in range(20):
        columns = appearance.toned(ramp, np.random.default_rng(seed)).mean(axis=0)
        assert (np.diff(columns[::20]) > -0.02).all()
