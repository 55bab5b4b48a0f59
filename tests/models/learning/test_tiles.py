import numpy as np
import pytest

from models.errors import UnusableInput
from models.learning.tiles import cut_tiles


def ramp(height, width):
    return np.add.outer(np.zeros(height), np.linspace(0, 1, width)).astype(np.float32)


def test_tiles_cover_the_field_at_the_asked_pixel_size():
    tiles = cut_tiles(ramp(960, 1280), 0.033, tile_pixel_um=0.2475, tile_size=128)
    assert tiles.shape == (2, 128, 128)
    assert tiles.dtype == np.float32
    assert tiles[0].min() == pytest.approx(0.0, abs=0.01)
    assert tiles[1].max() == pytest.approx(1.0, abs=0.01)
    # The slope per µm is that of the field: 1 over 1280 pixels of 0.033 µm.
    assert np.diff(tiles[0], axis=1).mean() / 0.2475 == pytest.approx(1 / (1280 * 0.033), rel=0.02)


def test_equal_pixels_are_cut_not_changed():
    field = np.random.default_rng(0).uniform(size=(64, 100)).astype(np.float32)
    tiles = cut_tiles(field, 0.5, tile_pixel_um=0.5, tile_size=32)
    assert tiles.shape == (8, 32, 32)
    assert np.array_equal(tiles[0], field[:32, :32])
    assert np.array_equal(tiles[-1], field[-32:, -32:])


def test_a_bar_cut_a_little_early_does_not_matter():
    tiles = cut_tiles(ramp(950, 1280), 0.033, tile_pixel_um=0.2475, tile_size=128)
    assert tiles.shape == (2, 128, 128)


@pytest.mark.parametrize(
    ("shape", "pixel", "fault"),
    [((500, 1280), 0.033, "less than one tile"), ((960, 1280), 0.5, "coarser than")],
)
def test_what_cannot_be_cut_is_refused(shape, pixel, fault):
    with pytest.raises(UnusableInput, match=fault):
        cut_tiles(ramp(*shape), pixel, tile_pixel_um=0.2475, tile_size=128)
