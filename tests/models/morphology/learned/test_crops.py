import numpy as np
import pytest

from models.errors import UnusableInput
from models.morphology.learned.crops import Labelled, batch, load_pictures
from models.morphology.learned.inference import stretched


def picture():
    labels = np.zeros((120, 160), np.uint16)
    labels[20:60, 20:60] = 1
    labels[70:100, 90:130] = 2
    return Labelled(np.where(labels > 0, 180, 40).astype(np.uint8), labels, 35.0)


def test_crops_show_bright_what_is_labelled():
    inputs, targets = batch([picture()], 12, 64, np.random.default_rng(1))
    assert inputs.shape == (12, 1, 64, 64)
    assert targets.shape == (12, 4, 64, 64)
    pixels, interior = inputs[:, 0].numpy(), targets[:, 0].numpy() > 0
    both = [i for i in range(12) if 0 < interior[i].mean() < 1]
    assert len(both) > 5
    for i in both:
        assert pixels[i][interior[i]].mean() > pixels[i][~interior[i]].mean() + 0.3


def test_the_same_seed_gives_the_same_crops():
    first, again = (batch([picture()], 3, 64, np.random.default_rng(7))[0] for _ in range(2))
    assert (first == again).all()


def test_stretching_makes_gain_and_offset_vanish():
    pixels = np.random.default_rng(0).random((40, 40)).astype(np.float32)
    assert stretched(0.3 * pixels + 0.2) == pytest.approx(stretched(pixels), abs=1e-4)


def test_a_folder_without_pictures_says_how_to_make_some(tmp_path):
    with pytest.raises(UnusableInput, match=r"python -m sim\.styles"):
        load_pictures(tmp_path)
