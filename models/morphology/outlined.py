"""A field of view made small for people to look at, with the places of the outlines of what was segmented."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def grey_levels(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pixels (H, W) in [0, 1] as grey levels."""
    return np.asarray(np.round(np.clip(pixels, 0.0, 1.0) * 255), np.uint8)


def outlined(
    pixels: NDArray[np.float32], labels: NDArray[np.integer] | None, width: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Grey levels (h, w) of ``pixels`` (H, W) in [0, 1], at most ``width`` wide, and where outlines are.

    ``labels`` (H, W), 0 = background; None: no outlines.
    """
    image = Image.fromarray(grey_levels(pixels))
    scale = min(1.0, width / image.width)
    size = (round(image.width * scale), round(image.height * scale))
    grey = np.array(image.resize(size, Image.Resampling.LANCZOS))
    edge = np.zeros(grey.shape, dtype=bool)
    if labels is not None:
        # Outlines are found at the picture's own size, so that they stay one pixel wide.
        rows = np.minimum((np.arange(size[1]) / scale).astype(int), labels.shape[0] - 1)
        columns = np.minimum((np.arange(size[0]) / scale).astype(int), labels.shape[1] - 1)
        small = labels[np.ix_(rows, columns)]
        edge[:, 1:] |= small[:, 1:] != small[:, :-1]
        edge[1:, :] |= small[1:, :] != small[:-1, :]
    return grey, edge
