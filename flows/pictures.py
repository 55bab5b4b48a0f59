"""Pictures kept beside the numbers: measured fields with what was segmented, and predicted micrographs."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.morphology.outlined import grey_levels, outlined

OVERLAY_WIDTH = 800
_OUTLINE = (255, 140, 0)


def overlay(pixels: NDArray[np.float32], labels: NDArray[np.integer] | None) -> bytes:
    """A field of view as PNG with the outline of every label drawn on it; without labels, the field as it is.

    ``pixels`` (H, W) in [0, 1]; ``labels`` (H, W), 0 = background. The picture is at most 800 pixels wide.
    """
    grey, edge = outlined(pixels, labels, OVERLAY_WIDTH)
    if not edge.any():
        return _png(Image.fromarray(grey))
    # Grey levels and one colour: a palette takes a third of the bytes and of the time of three channels.
    drawn = Image.fromarray(np.where(edge, np.uint8(255), np.minimum(grey, 254))).convert("P")
    drawn.putpalette([level for level in range(255) for _ in range(3)] + list(_OUTLINE))
    return _png(drawn)


def tile(pixels: NDArray[np.float32]) -> bytes:
    """A generated micrograph (H, W) in [0, 1] as an 8-bit grey PNG."""
    return _png(Image.fromarray(grey_levels(pixels)))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
