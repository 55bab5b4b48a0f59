import io

import numpy as np
from PIL import Image

from flows.pictures import overlay, tile


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def coloured(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_outlines_are_drawn_where_labels_meet():
    labels = np.zeros((60, 80), int)
    labels[20:40, 30:50] = 3
    drawn = coloured(overlay(np.full((60, 80), 0.5, np.float32), labels))
    assert drawn.shape == (60, 80, 3)
    assert tuple(drawn[20, 40]) == (255, 140, 0)
    assert tuple(drawn[30, 40]) == (128, 128, 128)


def test_large_fields_are_made_small_and_labels_follow():
    labels = np.zeros((960, 1280), int)
    labels[:, 640:] = 1
    drawn = coloured(overlay(np.zeros((960, 1280), np.float32), labels))
    assert drawn.shape == (600, 800, 3)
    assert tuple(drawn[300, 400]) == (255, 140, 0)


def test_a_field_without_labels_stays_as_it_is():
    assert (read(overlay(np.full((8, 8), 1.0, np.float32), None)) == 255).all()


def test_tiles_are_lossless():
    pixels = np.random.default_rng(0).random((16, 16)).astype(np.float32)
    assert np.abs(read(tile(pixels)) / 255 - pixels).max() < 0.003
