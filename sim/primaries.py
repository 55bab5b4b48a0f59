"""The surface of an agglomerate: interlocked primary needles or plates as a tileable relief."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

ORIENTATIONS = 6
LIGHT = (-0.45, -0.9)
"""Where the detector stands, (x, y) in the image: up, and a little to the left."""
SLOPE = 1.1
"""How much the slope towards the detector counts against height."""


@lru_cache(maxsize=4)
def relief(width_px: float, aspect: float, size: int, seed: int) -> NDArray[np.float32]:
    """Brightness of the relief (size, size), zero mean and unit variance, periodic on both axes.

    Each orientation is white noise smoothed along and across the primaries (``width_px`` across, ``aspect``
    times that along); the upper envelope of the orientations is a felt of crystals in which the nearest
    hides the others. What lies high is bright, and so is what slopes towards the detector: the Riesz
    transform along :data:`LIGHT` is that slope with the spectrum of the height, so that light from the side
    makes no surface finer or coarser.
    """
    rng = np.random.default_rng([seed, 0x7072])
    fy = fft.fftfreq(size)[:, None].astype(np.float32)
    fx = fft.rfftfreq(size)[None, :].astype(np.float32)
    envelope: NDArray[np.float32] | None = None
    first = rng.uniform(0.0, np.pi)
    across, along = 0.42 * width_px, 0.42 * width_px * aspect
    # Beyond this the transfer is under 1e-4.
    rows, columns = np.abs(fy[:, 0]) <= 0.7 / across, int((fx[0] <= 0.7 / across).sum())
    low_y, low_x = fy[rows], fx[:, :columns]
    spectrum = np.zeros((size, size // 2 + 1), np.complex64)
    for index in range(ORIENTATIONS):
        angle = first + np.pi * index / ORIENTATIONS
        u = low_x * np.float32(np.cos(angle)) + low_y * np.float32(np.sin(angle))
        v = low_y * np.float32(np.cos(angle)) - low_x * np.float32(np.sin(angle))
        transfer = np.exp(np.float32(-2.0 * np.pi**2) * ((u * along) ** 2 + (v * across) ** 2))
        # White noise has a white spectrum: it need not be transformed.
        noise = rng.standard_normal((*transfer.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
        spectrum[rows, :columns] = noise * transfer
        layer = fft.irfft2(spectrum, s=(size, size))
        layer /= layer.std()
        envelope = layer if envelope is None else np.maximum(envelope, layer)
    assert envelope is not None
    envelope = np.tanh(0.9 * (envelope - envelope.mean()) / envelope.std())
    envelope -= envelope.mean()
    length = np.maximum(np.hypot(fx, fy), np.float32(1e-9))
    towards = (fx * np.float32(LIGHT[0]) + fy * np.float32(LIGHT[1])) / length
    lit = fft.irfft2(fft.rfft2(envelope) * (1.0 - np.complex64(1j * SLOPE) * towards), s=(size, size))
    return np.asarray(lit / lit.std(), dtype=np.float32)
