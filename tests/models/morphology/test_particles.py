import numpy as np
import pytest

from models.morphology import quantify, segment
from models.morphology.measures import FieldMeasurement
from models.morphology.particles import ParticleMeasure


@pytest.mark.parametrize("diameter", [16, 30, 60])
def test_discs_have_their_diameter_and_are_round(field, grid, diameter):
    pixels = field((256, 256), grid(256, 256 / (4 if diameter < 60 else 3), diameter / 2))
    result = quantify(pixels, pixel_size_um=0.1, kind="particles")
    assert result.n_particles == (16 if diameter < 60 else 9)
    assert result.descriptors["d50_um"] == pytest.approx(0.1 * diameter, rel=0.025)
    assert result.descriptors["sphericity_mean"] > 0.985
    assert result.descriptors["sphericity_sd"] < 0.01


@pytest.mark.parametrize("lobes", [0.04, 0.08])
@pytest.mark.parametrize("radius", [10, 15, 40])
def test_sphericity_of_lobed_particles_does_not_depend_on_scale(field, grid, lobed_sphericity, lobes, radius):
    side = 10 * radius
    pixels = field((side, side), grid(side, side / 3, radius), lobes=lobes)
    measured = quantify(pixels, 0.1, kind="particles").descriptors["sphericity_mean"]
    assert measured == pytest.approx(lobed_sphericity(lobes), abs=0.015)


def test_a_field_and_its_tile_agree(field):
    rng = np.random.default_rng(5)
    places = [
        (x + rng.uniform(-12, 12), y + rng.uniform(-12, 12))
        for x in range(75, 600, 150)
        for y in range(75, 600, 150)
    ]
    particles = [(x, y, rng.uniform(45, 60)) for x, y in places]
    fine = field((640, 640), particles, lobes=0.05)
    tile = fine.reshape(128, 5, 128, 5).mean(axis=(1, 3))
    large = quantify(fine, 0.03, kind="particles").descriptors
    small = quantify(tile, 0.15, kind="particles").descriptors
    assert small["d50_um"] == pytest.approx(large["d50_um"], rel=0.02)
    assert small["sphericity_mean"] == pytest.approx(large["sphericity_mean"], abs=0.01)


def test_touching_particles_are_split_and_overlapping_ones_too(field):
    pixels = field((160, 220), [(60, 60, 25), (110, 60, 25), (60, 118, 25), (150, 100, 26)])
    assert segment(pixels).max() == 4


def test_enclosed_gaps_stay_ground(field):
    ring = [(100 + 45 * np.cos(a), 100 + 45 * np.sin(a), 24) for a in np.arange(6) * np.pi / 3]
    labels = segment(field((200, 200), ring))
    assert labels[100, 100] == 0
    assert labels.max() == 6


def test_labels_have_the_size_of_the_image_with_its_bar_as_ground(field, grid):
    pixels = field((240, 320), grid(240, 80, 25))
    bar = np.zeros((24, 320), np.float32)
    bar[0] = 1.0
    bar[8:16, 40:80] = 1.0
    labels = segment(np.vstack([pixels, bar]))
    assert labels.shape == (264, 320)
    assert not labels[240:].any()
    assert labels.max() == 9


def test_frame_correction_recovers_the_median_of_a_wide_distribution(field):
    # Large particles are less often whole, so the plain median of whole ones is too small.
    rng = np.random.default_rng(2)
    measure = ParticleMeasure()
    diameters, fields = [], []
    for seed in range(6):
        placed = []
        for _ in range(60):
            x, y, r = *rng.uniform(-30, 286, 2), np.exp(rng.normal(np.log(20), 0.35))
            if all(np.hypot(x - a, y - b) > r + c + 3 for a, b, c in placed):
                placed.append((x, y, r))
        # Particles whose centre lies in the frame are an unbiased sample.
        diameters += [2 * r for x, y, r in placed if 0 <= x < 256 and 0 <= y < 256]
        fields.append(measure.measure(field((256, 256), placed, seed=seed), 1.0))
    whole = np.concatenate([f.samples["diameter_um"] for f in fields])
    truth = np.median(diameters)
    corrected = measure.pool(fields)["d50_um"]
    assert abs(corrected - truth) < abs(np.median(whole) - truth)
    assert corrected == pytest.approx(truth, rel=0.06)


def test_particles_too_small_for_shape_have_none(field, grid):
    result = quantify(field((128, 128), grid(128, 18, 4.5)), 0.1, kind="particles")
    assert result.n_particles > 30
    assert np.isnan(result.descriptors["sphericity_mean"])
    assert any("sphericity needs" in warning for warning in result.warnings)


def test_a_field_without_contrast_has_no_particles():
    result = quantify(np.full((100, 100), 0.5), 0.1, kind="particles")
    assert result.n_particles == 0
    assert np.isnan(result.descriptors["d50_um"])
    assert "No whole particle was found." in result.warnings


def test_pooling_weights_volumes_by_the_cube():
    diameters = np.array([1.0, 1.0, 1.0, 1.0, 4.0])
    one = FieldMeasurement(
        "particles", {"diameter_um": diameters, "sphericity": np.full(5, 0.9), "weight": np.ones(5)}
    )
    pooled = ParticleMeasure().pool([one])
    assert pooled["d50_um"] == pytest.approx(1.0)
    assert pooled["d50_volume_um"] > 3.5
    assert pooled["d10_volume_um"] < pooled["d50_volume_um"] <= pooled["d90_volume_um"]
    spread = pooled["d90_volume_um"] - pooled["d10_volume_um"]
    assert pooled["span_volume"] == pytest.approx(spread / pooled["d50_volume_um"])
    assert pooled["sphericity_sd"] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float64])
def test_integers_and_floats_measure_alike(field, grid, kind):
    pixels = field((128, 128), grid(128, 42, 15))
    scaled = pixels if kind is np.float64 else np.round(pixels * np.iinfo(kind).max)
    result = quantify(scaled.astype(kind), 0.2, kind="particles")
    assert result.descriptors["d50_um"] == pytest.approx(6.0, rel=0.02)
