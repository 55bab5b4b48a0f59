"""The surface of an agglomerate: interlocked primary needles or plates as a tileable relief."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

ORIENTATIONS = 6


@lru_cache(maxsize=4)
def relief(width_px: float, aspect: float, size: int, seed: int) -> NDArray[np.float32]:
    """Relief (size, size) with zero mean and unit variance, periodic on both axes.

    Each orientation is white noise smoothed along and across the primaries (``width_px`` across,
    ``aspect`` times that along); the upper envelope of the orientations looks like a felt of crystals in
    which the nearest hides the others.
    """
    rng = np.random.default_rng([seed, 0x7072])
    fy = fft.fftfreq(size)[:, None].astype(np.float32)
    fx = fft.rfftfreq(size)[None, :].astype(np.float32)
    envelope: NDArray[np.float32] | None = None
    first = rng.uniform(0.0, np.pi)
    across, along = 0.42 * width_px, 0.42 * width_px * aspect
    for index in range(ORIENTATIONS):
        angle = first + np.pi * index / ORIENTATIONS
        u = fx * np.cos(angle) + fy * np.sin(angle)
        v = fy * np.cos(angle) - fx * np.sin(angle)
        transfer = np.exp(-2.0 * np.pi**2 * ((u * along) ** 2 + (v * across) ** 2))
        noise = rng.standard_normal((size, size), dtype=np.float32)
        layer = fft.irfft2(fft.rfft2(noise) * transfer, s=(size, size)).astype(np.float32)
        layer /= layer.std()
        envelope = layer if envelope is None else np.maximum(envelope, layer)
    assert envelope is not None
    envelope = np.tanh(0.9 * (envelope - envelope.mean()) / envelope.std())
    envelope -= envelope.mean()
    return np.asarray(envelope / envelope.std(), dtype=np.float32)
