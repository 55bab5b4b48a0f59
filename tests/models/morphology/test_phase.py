import numpy as np
import pytest
from scipy import ndimage

from models.morphology import quantify
from models.morphology.phase import correlation_length


def two_phases(sigma, fraction, shape=(400, 400)):
    rough = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(shape), sigma, mode="wrap")
    return rough > np.quantile(rough, 1 - fraction)


def test_fraction_and_length_scale_with_the_structure():
    phase = two_phases(6, 0.35)
    noise = np.random.default_rng(1).normal(0, 0.05, phase.shape)
    result = quantify(np.clip(0.25 + 0.4 * phase + noise, 0, 1), 0.1, kind="phase")
    assert result.kind == "phase"
    assert result.descriptors["phase_fraction"] == pytest.approx(0.35, abs=0.01)
    length = 0.1 * correlation_length(phase)
    assert result.descriptors["correlation_length_um"] == pytest.approx(length, rel=0.05)
    twice = correlation_length(two_phases(12, 0.35))
    assert twice == pytest.approx(2 * correlation_length(phase), rel=0.15)


def test_correlation_length_of_a_disc_on_its_own():
    # The covariance is the overlap of the disc with itself, shifted: 1/e of its area at 1.04 radii.
    y, x = np.mgrid[:600, :600]
    disc = (x - 300) ** 2 + (y - 300) ** 2 < 12**2
    assert correlation_length(disc) == pytest.approx(1.04 * 12, rel=0.05)


def test_no_contrast_is_told():
    result = quantify(np.full((64, 64), 0.4), 0.1, kind="phase")
    assert np.isnan(result.descriptors["phase_fraction"])
    assert "no contrast" in result.warnings[0]
