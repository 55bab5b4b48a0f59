import numpy as np
import pytest
from scipy import ndimage

from models.morphology import measure_of, quantify
from models.morphology.texture import calibration

PIXEL = 0.026458


def surface(width_px, shape=(256, 320), seed=0):
    rough = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), width_px)
    return (0.5 + 0.1 * rough / rough.std()).astype(np.float32)


def texture(pixels, pixel_size_um=PIXEL):
    measure = measure_of("texture")
    return measure.pool([measure.measure(np.asarray(pixels, np.float32), pixel_size_um)])["texture_mean"]


def test_finer_surfaces_have_more_texture():
    values = [texture(surface(width)) for width in (0.9, 1.3, 1.8, 2.6, 3.8)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.7
    assert values[-1] < 0.3


def test_gain_and_offset_do_not_matter():
    pixels = surface(1.5)
    assert texture(0.3 * pixels + 0.4) == pytest.approx(texture(pixels), abs=1e-4)


def test_noise_hardly_matters():
    pixels = surface(1.5)
    noisy = pixels + np.random.default_rng(1).normal(0, 0.03, pixels.shape)
    assert texture(noisy) == pytest.approx(texture(pixels), abs=0.05)


def test_a_fine_scan_reads_as_its_reduction():
    fine = surface(6.0, (1024, 1024))
    coarse = fine.reshape(256, 4, 256, 4).mean(axis=(1, 3))
    assert texture(fine, PIXEL / 4) == pytest.approx(texture(coarse), abs=0.005)


def test_ground_and_limb_are_left_out():
    pixels = surface(1.5, (256, 256))
    y, x = np.mgrid[:256, :256]
    rho = np.hypot(x - 128, y - 128) / 110
    particle = np.where(rho < 1, pixels + 0.2 * np.clip((rho - 0.95) / 0.05, 0, 1), 0.1)
    assert texture(particle) == pytest.approx(texture(pixels), abs=0.06)


def test_regions_of_a_field_give_its_spread():
    halves = np.hstack([surface(1.0, (256, 128)), surface(3.0, (256, 128), seed=1)])
    measure = measure_of("texture")
    found = measure.measure(halves, calibration().reference_pixel_um)
    assert found.n == 4
    assert measure.pool([found])["texture_sd"] > 0.2


def test_coarse_pixels_and_small_fields_are_told():
    found = measure_of("texture").measure(surface(1.5), 0.1)
    assert "coarser" in found.warnings[0]
    assert measure_of("texture").measure(surface(1.5, (64, 64)), 0.001).n == 0


def test_auto_takes_a_surface_for_texture():
    assert quantify(surface(1.5), PIXEL).kind == "texture"


def test_regions_are_told_where_they_lie():
    y, x = np.mgrid[:512, :640]
    particle = np.where(np.hypot(x - 250, y - 256) < 200, surface(1.5, (512, 640)), 0.05)
    found = measure_of("texture").measure(particle.astype(np.float32), PIXEL / 2)
    assert found.labels.shape == (512, 640)
    assert sorted(np.unique(found.labels)) == list(range(found.n + 1))
    # Surface inside the particle, and nothing of its limb or of the ground.
    assert found.labels[256, 250] > 0
    assert not found.labels[np.hypot(x - 250, y - 256) > 195].any()
