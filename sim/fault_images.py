"""What faulty optics and detectors make of a field."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sim.charging import charge
from sim.faults import Fault
from sim.scanning import along_lines

Pixels = NDArray[np.uint8]


def spoilt(pixels: Pixels, fault: Fault, rng: np.random.Generator) -> Pixels:
    """``pixels`` (H, W) as the faulty microscope records them; as they are under another kind of fault."""
    grey = pixels.astype(np.float32) / 255.0
    noise = rng.standard_normal(pixels.shape, dtype=np.float32)
    match fault.kind:
        case "black_image":
            grey = 0.01 + 0.004 * noise
        case "saturated_image":
            grey = 2.2 * grey + 0.25
        case "misfocused_image":
            # The detector's noise is not out of focus.
            grey = ndimage.gaussian_filter(grey, fault.extent)
            grey += noise * np.sqrt(np.maximum(grey, 0.0) / 400.0)
        case "charged_image":
            grey = _charged(grey, fault.extent, rng)
        case "stage_stuck":
            grey += 0.02 * noise
        case _:
            return pixels
    return np.asarray(np.clip(grey * 255.0 + 0.5, 0, 255), dtype=np.uint8)


def _charged(grey: NDArray[np.float32], size: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """What every field has a little of, strong: lines that jump, streaks behind particles, bands."""
    moved = along_lines(grey, rng.integers(-3, 4, (len(grey), 1)))
    return charge(moved, tails=0.5, lines=5 * size, creep=size, rng=rng)
