"""Where the beam really is: drift over a frame and jitter from line to line."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.float32]

MOST_DRIFT_PX = 3.0
"""No point of an ordinary frame is further than this from where its pixel says it is."""


@dataclass(frozen=True)
class Path:
    """What each line of the scan is off by, in pixels: ``x`` along the line and ``y`` across, both (H, 1)."""

    x: Canvas
    y: Canvas


def drift(lines: int, *, rng: np.random.Generator, scale: float = 1.0) -> Path:
    """A frame that creeps and bends by up to a few pixels, zero at its middle; lines jitter by 0.1 px.

    ``scale`` multiplies everything: 1 for a scan 1280 pixels wide.
    """
    time = np.linspace(-1.0, 1.0, lines)
    shear_x, bow_x, shear_y, bow_y = np.clip(rng.normal(0.0, (0.6, 0.4, 0.4, 0.3)), -1.2, 1.2)
    x = shear_x * time + bow_x * time**2 + np.clip(0.1 * rng.standard_normal(lines), -0.4, 0.4)
    y = shear_y * time + bow_y * time**2
    return Path(*(np.asarray(scale * one, np.float32)[:, None] for one in (x, y)))


def along_lines(image: Canvas, shifts: NDArray[Any]) -> Canvas:
    """``image`` (H, W) with each line read ``shifts`` (H, 1) pixels further right, linearly interpolated."""
    width = image.shape[1]
    whole = np.floor(shifts).astype(np.intp)
    part = np.asarray(shifts - whole, np.float32)
    column = np.arange(width)[None, :] + whole
    left, right = (np.take_along_axis(image, np.clip(column + one, 0, width - 1), axis=1) for one in (0, 1))
    return np.asarray(left + part * (right - left), np.float32)
