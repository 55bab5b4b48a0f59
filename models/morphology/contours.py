"""Sub-pixel outlines: area and perimeter that a ragged mask edge does not spoil."""

from dataclasses import dataclass

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from scipy import ndimage

from models.morphology.measures import Floats

SMOOTHING_PX = 1.0
HARMONICS = 16
POINTS = 128


@dataclass(frozen=True)
class Outlines:
    """Outlines of n particles: areas (px²), perimeters (px), extents (n, 2) as (height, width) in px.

    ``points`` (n, 128) are x + iy along the low-passed outline, in px of the image. A particle without a closed
    outline has NaN everywhere.
    """

    area: Floats
    perimeter: Floats
    extent: Floats
    points: NDArray[np.complex128]

    @property
    def sphericity(self) -> Floats:
        """Circularity Ψ = 4πA/P² of the projection, 1 for a disc."""
        return np.asarray(4 * np.pi * self.area / self.perimeter**2)

    @property
    def diameter(self) -> Floats:
        """Equivalent-circle diameter 2·sqrt(A/π) in px."""
        return np.asarray(2 * np.sqrt(self.area / np.pi))


def outline(mask: NDArray[np.bool_] | NDArray[np.float32]) -> NDArray[np.complex128]:
    """Longest contour at one half of a mask smoothed by σ = 1 px, resampled to equal arc length, (128,) x + iy in px.

    NaN where the mask has no closed contour. The mask must be surrounded by background.
    """
    smooth = ndimage.gaussian_filter(
        np.asarray(mask, np.float32), SMOOTHING_PX, mode="constant", truncate=3.0
    )
    lines = contour_generator(z=smooth).lines(0.5)
    if not lines:
        return np.full(POINTS, np.nan + 0j)
    line = max(lines, key=len)
    z = line[:, 0] + 1j * line[:, 1]
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(z)))])
    if len(z) < 8 or z[0] != z[-1] or along[-1] <= 0:
        return np.full(POINTS, np.nan + 0j)
    even = np.arange(POINTS) * (along[-1] / POINTS)
    return np.asarray(np.interp(even, along, z))


def measure_outlines(points: NDArray[np.complex128]) -> Outlines:
    """Area, perimeter and extent of outlines (n, 128) low-passed to 16 Fourier harmonics.

    Pixel steps are high harmonics of the outline; cutting them removes their length (pixel perimeters are up to
    0.33 too low in Ψ for ragged edges, this is within 0.004 from 60 px diameter on and 0.01–0.02 at 30 px).
    """
    spectrum = np.fft.fft(points, axis=1) / POINTS
    order = np.fft.fftfreq(POINTS, 1 / POINTS)
    spectrum[:, np.abs(order) > HARMONICS] = 0
    low = np.fft.ifft(spectrum * POINTS, axis=1)
    slope = np.fft.ifft(spectrum * (1j * order) * POINTS, axis=1)
    perimeter = 2 * np.pi * np.abs(slope).mean(axis=1)
    # Green's theorem in Fourier space: A = π Σ k |c_k|².
    area = np.abs(np.pi * (order * np.abs(spectrum) ** 2).sum(axis=1))
    # Smoothing by σ moves the contour of a disc inwards by σ²/2R; put it back on average.
    area = area + np.pi * SMOOTHING_PX**2
    perimeter = perimeter * np.sqrt(area / np.maximum(area - np.pi * SMOOTHING_PX**2, 1e-9))
    extent = np.stack([np.ptp(low.imag, axis=1), np.ptp(low.real, axis=1)], axis=1)
    return Outlines(area, perimeter, extent, low)
