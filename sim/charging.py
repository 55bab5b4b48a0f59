"""Charge that a poorly conducting sample gathers under the beam, and what it does to the lines of a scan."""

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Canvas = NDArray[np.float32]

COLUMNS = 8
"""Tails are smooth along a line, so they are made for every eighth pixel."""
MEMORY = 0.94
"""How alike the charge of one line and the next is."""


def charge(image: Canvas, *, tails: float, lines: float, creep: float, rng: np.random.Generator) -> Canvas:
    """``image`` (H, W), intensities around 0–1, as charge lets it be seen.

    Behind what is bright a line stays dark, sometimes bright, and recovers over a fifteenth of its length:
    ``tails`` is how much of the brightness before is taken. ``lines`` is the SD of the offset of a line, and
    ``creep`` that of the slow change of brightness from the first line to the last.
    """
    height, width = image.shape
    coarse = image[:, : width // COLUMNS * COLUMNS].reshape(height, -1, COLUMNS).mean(axis=2)
    excess = np.maximum(coarse - coarse.mean(), 0.0)
    fade = np.exp(-15.0 * COLUMNS / width)
    tail = signal.lfilter([1.0 - fade], [1.0, -fade], excess, axis=1)
    # The excess itself is not behind itself.
    tail *= excess == 0.0
    wander, offset = (_wander(height, rng) for _ in range(2))
    shifted = -tails * (0.6 + wander) * tail + lines * offset
    shifted += creep * (rng.normal() * np.linspace(-1.0, 1.0, height)[:, None])
    spread = np.repeat(shifted.astype(np.float32), COLUMNS, axis=1)
    return np.asarray(image + np.pad(spread, ((0, 0), (0, width - spread.shape[1])), mode="edge"), np.float32)


def _wander(lines: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(lines, 1) with SD 1, each value much like the one before."""
    steps = rng.standard_normal(lines) * np.sqrt(1.0 - MEMORY**2)
    steps[0] = rng.standard_normal()
    return np.asarray(signal.lfilter([1.0], [1.0, -MEMORY], steps))[:, None]
