import numpy as np
import pytest
from scipy import ndimage

from models.morphology import quantify
from models.morphology.diffraction import Diffraction
from models.morphology.texture import calibration


def surface(width_px=1.5, shape=(256, 320)):
    rough = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(shape), width_px)
    return 0.5 + 0.1 * rough / rough.std()


def doubt(pixels, **given):
    told = [text for text in quantify(pixels, 0.1, **given).warnings if text.startswith("Not to be trusted")]
    return told[0] if told else ""


def test_a_good_field_is_trusted(field, grid):
    assert doubt(field((256, 256), grid(256, 64, 22)), kind="particles") == ""


def test_defocus_counts_at_the_scale_of_the_particles(field, grid):
    fine = field((900, 900), grid(900, 300, 110), noise=0.005)
    # Three pixels of 220 are nothing; a tenth of the diameter is too much.
    assert doubt(np.clip(ndimage.gaussian_filter(fine, 3.0), 0, 1), kind="particles") == ""
    assert "out of focus" in doubt(np.clip(ndimage.gaussian_filter(fine, 25.0), 0, 1), kind="particles")


def test_a_saturated_field_is_told_but_not_for_its_phases(field, grid):
    bright = np.clip(1.9 * field((256, 256), grid(256, 64, 22)), 0, 1)
    assert "saturated" in doubt(bright, kind="particles")
    assert doubt(bright, kind="phase") == ""


def test_a_drawn_image_of_two_levels_is_not_saturated(field, grid):
    drawn = (field((256, 256), grid(256, 64, 22), noise=0.0) > 0.4).astype(float)
    assert doubt(drawn, kind="particles") == ""


@pytest.mark.parametrize(("blur", "words"), [(0.0, ""), (6.0, "out of focus")])
def test_texture_needs_its_own_focus(blur, words):
    rng = np.random.default_rng(1)
    size = calibration().reference_pixel_um
    pixels = ndimage.gaussian_filter(surface(), blur) if blur else surface()
    found = quantify(pixels + rng.normal(0, 0.004, pixels.shape), size, kind="texture")
    assert any(words in text for text in found.warnings) if words else found.warnings == ()


def test_noise_alone_has_no_focus_to_be_judged():
    noise = np.random.default_rng(0).random((160, 200))
    assert doubt(noise, kind="texture") == ""


@pytest.mark.parametrize(("volume", "within"), [(7.6, True), (8.2, True), (7.5, False), (np.nan, False)])
def test_laser_diffraction_agrees_within_four_per_cent(volume, within):
    compared = Diffraction(psa_d50_um=7.9, d50_volume_um=volume, d50_um=7.0)
    assert compared.within is within
    assert compared.number_ratio == pytest.approx(7.0 / 7.9)
