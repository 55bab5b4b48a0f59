import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from models.micrographs.bar import information_bar


def field(height=300, width=400):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    grey = np.where((x % 90 - 45) ** 2 + (y % 90 - 45) ** 2 < 900, 150, 35)
    return np.clip(grey + rng.normal(0, 6, grey.shape), 0, 255).astype(np.uint8)


def bar(ground, height=28, width=400):
    image = Image.new("L", (width, height), ground)
    draw = ImageDraw.Draw(image)
    draw.text((10, 8), "5 kV  x3,000  10 um  SE  WD 8.1 mm", fill=255 - ground)
    draw.rectangle((250, 12, 330, 16), fill=255 - ground)
    return np.asarray(image)


def found(pixels):
    return information_bar(pixels.astype(np.float32) / 255)


@pytest.mark.parametrize("ground", [0, 255, 128])
def test_a_bar_is_found_at_its_first_row(ground):
    assert found(np.vstack([field(), bar(ground)])) == 300


def test_a_bar_is_found_in_a_jpeg():
    stored = io.BytesIO()
    Image.fromarray(np.vstack([field(304), bar(0, 32)])).save(stored, "JPEG", quality=90)
    assert abs(found(np.asarray(Image.open(stored))) - 304) <= 1


def test_a_field_without_a_bar_is_whole():
    assert found(field()) == 300


def test_a_field_without_noise_is_whole():
    y, x = np.mgrid[:300, :400]
    disc = np.where((x - 100) ** 2 + (y - 100) ** 2 < 900, 200, 30)
    assert found(disc) == 300
    assert found(np.full((300, 400), 90)) == 300
