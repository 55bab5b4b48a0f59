"""Pictures kept beside the numbers: measured fields with what was segmented, and predicted micrographs."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

OVERLAY_WIDTH = 800
_OUTLINE = (255, 140, 0)


def overlay(pixels: NDArray[np.float32], labels: NDArray[np.integer] | None) -> bytes:
    """A field of view as PNG with the outline of every label drawn on it; without labels, the field as it is.

    ``pixels`` (H, W) in [0, 1]; ``labels`` (H, W), 0 = background. The picture is at most 800 pixels wide.
    """
    image = _grey(pixels)
    scale = min(1.0, OVERLAY_WIDTH / image.width)
    size = (round(image.width * scale), round(image.height * scale))
    image = image.resize(size, Image.Resampling.LANCZOS)
    if labels is None or not labels.any():
        return _png(image)
    # Outlines are found at the picture's own size, so that they stay one pixel wide.
    rows = np.minimum((np.arange(size[1]) / scale).astype(int), labels.shape[0] - 1)
    columns = np.minimum((np.arange(size[0]) / scale).astype(int), labels.shape[1] - 1)
    small = labels[np.ix_(rows, columns)]
    edge = np.zeros(small.shape, dtype=bool)
    edge[:, 1:] |= small[:, 1:] != small[:, :-1]
    edge[1:, :] |= small[1:, :] != small[:-1, :]
    # Grey levels and one colour: a palette takes a third of the bytes and of the time of three channels.
    drawn = np.minimum(np.asarray(image), 254)
    drawn[edge] = 255
    coloured = Image.fromarray(drawn).convert("P")
    coloured.putpalette([level for grey in range(255) for level in (grey,) * 3] + list(_OUTLINE))
    return _png(coloured)


def tile(pixels: NDArray[np.float32]) -> bytes:
    """A generated micrograph (H, W) in [0, 1] as an 8-bit grey PNG."""
    return _png(_grey(pixels))


def _grey(pixels: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.round(np.clip(pixels, 0.0, 1.0) * 255).astype(np.uint8))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
