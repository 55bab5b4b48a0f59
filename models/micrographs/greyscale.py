"""Any pixel array to grey values in [0, 1]."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import UnusableInput

SMALLEST_SIDE_PX = 16
FULL_SCALES = (4095, 16383, 65535)
"""Largest counts of detectors of 12, 14 and 16 bits, which are all stored in 16."""


def to_grey(pixels: NDArray[Any], source: str = "The image") -> NDArray[np.float32]:
    """(H, W) float32 in [0, 1] of an array (H, W), (H, W, 1…4); integers by their range, floats as they are.

    Alpha is dropped and colours averaged (SEM images have none; a coloured overlay keeps its brightness). The
    range of 16 bits is that of the detector, 12, 14 or 16 bits, whichever holds the brightest pixel. Floats
    outside [0, 1] and integers of more bits or with a sign are scaled from their own minimum and maximum.
    ``source`` begins the sentence of an error. Errors: :class:`UnusableInput`.
    """
    array = np.asarray(pixels)
    if array.ndim == 3 and array.shape[-1] in (1, 2, 3, 4):
        colours = array[..., :3] if array.shape[-1] > 2 else array[..., :1]
        grey = colours[..., 0] if colours.shape[-1] == 1 else colours.mean(axis=-1, dtype=np.float32)
    elif array.ndim == 2:
        grey = array
    else:
        raise UnusableInput(
            f"{source} has the shape {array.shape}; expected (height, width) or (height, width, 3)."
        )
    if min(grey.shape) < SMALLEST_SIDE_PX:
        raise UnusableInput(
            f"{source} is {grey.shape[1]} × {grey.shape[0]} px; "
            f"at least {SMALLEST_SIDE_PX} px a side are needed."
        )
    if array.dtype == bool:
        return grey.astype(np.float32)
    if array.dtype in (np.uint8, np.uint16):
        brightest = int(grey.max())
        top = 255 if array.dtype == np.uint8 else next(full for full in FULL_SCALES if brightest <= full)
        return np.asarray(np.clip(grey.astype(np.float32) / np.float32(top), 0.0, 1.0), np.float32)
    if not np.issubdtype(array.dtype, np.floating) and not np.issubdtype(array.dtype, np.integer):
        raise UnusableInput(
            f"{source} holds {array.dtype} values; expected 8- or 16-bit integers, or floats."
        )
    if not np.isfinite(grey).all():
        raise UnusableInput(f"{source} holds NaN or infinite pixels; export it again without them.")
    low, high = float(grey.min()), float(grey.max())
    if low < 0.0 or high > 1.0:
        grey = (grey - low) / ((high - low) or 1.0)
    return np.asarray(grey, np.float32)
