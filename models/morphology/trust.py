"""Whether the numbers measured on a field can be trusted."""

from dataclasses import replace

import numpy as np

from models.micrographs.quality import assess, blank, contrast, structureless, unfit
from models.morphology.measures import FieldMeasurement, Image
from models.morphology.particles import measuring_factor
from models.morphology.texture import calibration


def distrust(pixels: Image, pixel_size_um: float, found: FieldMeasurement) -> str | None:
    """Why what was ``found`` in a field should not be used, in a few words with the number; None: it can be.

    ``pixels`` (H, W) in [0, 1] without information bar. Particles and texture suffer from saturation,
    charging and defocus, which is judged at the scale that they are measured at; other measures, and
    particles of an image of two grey levels, which somebody has drawn, need contrast alone.
    """
    reduced = _as_measured(pixels, pixel_size_um, found)
    if reduced is None:
        return blank(contrast(pixels))
    quality = assess(pixels, reduced)
    return unfit(replace(quality, detail=0.0) if structureless(reduced) else quality)


def _as_measured(pixels: Image, pixel_size_um: float, found: FieldMeasurement) -> Image | None:
    """The field at about the scale it is measured at; None where its focus does not matter."""
    if found.kind == "texture":
        return _in_blocks(pixels, int(calibration().reference_pixel_um / pixel_size_um))
    drawn = np.unique(pixels[::3, ::3]).size <= 2
    if found.kind == "particles" and found.labels is not None and not drawn:
        return _in_blocks(pixels, int(measuring_factor(found.labels)))
    return None


def _in_blocks(pixels: Image, side: int) -> Image:
    """Means over whole blocks of ``side`` pixels, so that noise stays white: focus is told from it."""
    if side <= 1:
        return pixels
    height, width = (length // side for length in pixels.shape)
    blocks = pixels[: height * side, : width * side].reshape(height, side, width, side)
    return np.asarray(blocks.mean(axis=(1, 3)))
