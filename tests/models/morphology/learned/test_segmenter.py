import subprocess
import sys

import numpy as np
import pytest

from models.morphology import quantify, segmenter
from models.morphology.learned.scores import f1
from models.morphology.segmenters import segment_all

pytestmark = pytest.mark.slow


def truth(shape, places):
    row, column = np.mgrid[: shape[0], : shape[1]] + 0.5
    labels = np.zeros(shape, np.int32)
    for number, (x, y, radius) in enumerate(places, start=1):
        labels[(column - x) ** 2 + (row - y) ** 2 <= radius**2] = number
    return labels


def test_touching_discs_are_told_apart_at_any_scale(field, grid):
    for radius in (12, 20, 60):
        places = grid(8 * radius, 2 * radius, radius)
        pixels = field((8 * radius, 8 * radius), places, noise=0.02)
        labels = segmenter("learned").segment(pixels)
        assert f1([labels], [truth(pixels.shape, places)]) > 0.95, radius


def test_a_large_field_of_small_particles_is_looked_at_more_closely(field, grid):
    pixels = np.tile(field((120, 120), grid(120, 24, 8)), (6, 8))
    labels = segmenter("learned").segment(pixels)
    places = [
        (x + 120 * i, y + 120 * j, r) for x, y, r in grid(120, 24, 8) for i in range(8) for j in range(6)
    ]
    assert f1([labels], [truth(pixels.shape, places)]) > 0.9


def test_dark_particles_on_a_light_ground(field, grid):
    places = grid(240, 60, 22)
    pixels = 0.8 - field((240, 240), places)
    assert f1([segmenter("learned").segment(pixels)], [truth(pixels.shape, places)]) > 0.95


def test_sizes_and_shapes_of_discs(field, grid):
    result = quantify(field((480, 640), grid(480, 80, 30)), 0.5, kind="particles", segmenter="learned")
    assert result.descriptors["d50_um"] == pytest.approx(30.0, rel=0.02)
    assert result.descriptors["sphericity_mean"] == pytest.approx(1.0, abs=0.01)


def test_gain_and_offset_change_nothing(field, grid):
    pixels = field((200, 200), grid(200, 50, 18))
    plain, changed = (segmenter("learned").segment(p) for p in (pixels, 0.4 * pixels + 0.3))
    assert ((plain > 0) != (changed > 0)).mean() < 0.005
    assert f1([plain], [changed]) == 1.0


def test_many_at_a_time_are_as_one_at_a_time(field, grid):
    stack = np.stack([field((128, 128), grid(128, 32, r), seed=r) for r in (9, 12, 14)])
    chosen = segmenter("learned")
    for together, alone in zip(segment_all(chosen, stack), map(chosen.segment, stack), strict=True):
        assert (together != alone).mean() < 0.002
        assert together.max() == alone.max() == 16


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (33, 47)])
def test_an_image_without_contrast_has_no_particles(shape):
    labels = segmenter("learned").segment(np.full(shape, 0.4, np.float32))
    assert labels.shape == shape
    assert labels.max() == 0


def test_noise_alone_has_no_particles():
    noise = np.random.default_rng(0).normal(0.4, 0.1, (300, 400)).clip(0, 1).astype(np.float32)
    assert segmenter("learned").segment(noise).max() <= 2


def test_choosing_it_does_not_wait_for_torch():
    code = "import sys, models.morphology as m; m.segmenter('learned'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
