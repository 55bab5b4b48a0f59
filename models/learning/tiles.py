"""From fields of view to tiles: measured micrographs at the scale and size that a generator learns from."""

import math

import numpy as np
import numpy.typing as npt

from models.errors import UnusableInput
from models.morphology.scaling import resample_area

Image = npt.NDArray[np.float32]
_FINER = 0.95  # a field may be this much coarser than the tiles before enlarging it would invent detail

_NEARLY = 0.98  # a field may fall short of a tile by this much (an information bar cut a little early)


def cut_tiles(pixels: Image, pixel_size_um: float, *, tile_pixel_um: float, tile_size: int) -> Image:
    """Tiles (k, tile_size, tile_size) that together cover a field of view.

    ``pixels`` (H, W) in [0, 1] with pixels of ``pixel_size_um`` µm; each tile pixel is the mean over its
    area of ``tile_pixel_um`` µm. Tiles are evenly spread and overlap where the field is no multiple of
    their size. Errors: :class:`UnusableInput` for a field that is too small or too coarse.
    """
    factor = tile_pixel_um / pixel_size_um
    shape = (round(pixels.shape[0] / factor), round(pixels.shape[1] / factor))
    if factor < _FINER:
        raise UnusableInput(
            f"The pixels of the micrograph are {pixel_size_um:.4g} µm, coarser than the "
            f"{tile_pixel_um:.4g} µm that "
            "the generator draws; give a micrograph of higher magnification or scan size."
        )
    if min(shape) < _NEARLY * tile_size:
        raise UnusableInput(
            f"The micrograph shows {pixels.shape[1] * pixel_size_um:.3g} × "
            f"{pixels.shape[0] * pixel_size_um:.3g} µm, "
            f"less than one tile of {tile_size * tile_pixel_um:.3g} µm; give a larger field of view."
        )
    shape = (max(shape[0], tile_size), max(shape[1], tile_size))
    scaled = resample_area(pixels, shape)
    rows, columns = (_starts(size, tile_size) for size in scaled.shape)
    return np.stack([scaled[r : r + tile_size, c : c + tile_size] for r in rows for c in columns])


def _starts(size: int, tile: int) -> list[int]:
    count = math.ceil(size / tile)
    return [round(start) for start in np.linspace(0, size - tile, count)]
