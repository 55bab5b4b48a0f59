"""Sub-pixel outlines of labelled particles, placed by the grey levels across their edge."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from scipy import ndimage

from models.morphology.measures import Floats, Image, Labels

EDGE_SHIFT = 0.05
"""How much above half-way from ground to limb an edge is placed: a pixel's blur takes from a narrow limb."""
SMOOTHING_PX = 0.5
HARMONICS = 16
POINTS = 128
MARGIN_PX = 3
SHEET = 64


@dataclass(frozen=True)
class Outlines:
    """Outlines of n particles: areas (px²), perimeters (px), extents (n, 2) as (height, width) in px.

    ``points`` (n, 128) are x + iy along the low-passed outline, in px of the image. A particle without a
    closed outline has NaN everywhere.
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


def outlines(pixels: Image, labels: Labels, wanted: NDArray[np.int64]) -> Outlines:
    """Outlines of the particles ``wanted`` of ``labels`` (H, W) in ``pixels`` (H, W).

    A mask knows its edge to a pixel, the grey levels across the edge to a tenth of one: contours of masks
    scatter by 0.015 in Ψ and drift with size. Bias from 8 to 200 px diameter: ``docs/quantification.md``, by
    ``benchmarks.quantification``; from 30 px on it is below 0.01 in Ψ, and 0.5 to 1.5 % in diameter.
    """
    cover, territory = _cover(pixels, labels)
    boxes = ndimage.find_objects(labels)
    frames = [
        tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in boxes[label - 1]) for label in wanted
    ]
    points = np.full((len(wanted), POINTS), np.nan + 0j)
    order = np.argsort([rows.stop - rows.start for rows, _ in frames])
    for start in range(0, len(order), SHEET):
        members = order[start : start + SHEET]
        own = [np.where(territory[frames[m]] == wanted[m], cover[frames[m]], np.float32(0)) for m in members]
        traced = trace(own)
        corner = np.array([frames[m][1].start + 1j * frames[m][0].start for m in members])
        points[members] = traced + corner[:, None]
    return measure(points)


def _cover(pixels: Image, labels: Labels) -> tuple[Image, Labels]:
    """How much of each pixel a particle covers, ½ at its edge, and whose it is; (H, W) both.

    Within a pixel of a label's edge the grey level decides, further inside the cover is 1, further outside 0.
    """
    smooth = ndimage.gaussian_filter(pixels, 0.5, truncate=3.0)
    widest = ndimage.maximum_filter(labels, 3)
    territory = np.where(labels > 0, labels, widest)
    core = (ndimage.minimum_filter(labels, 5) == labels) & (labels > 0)
    limb = (ndimage.minimum_filter(labels, 3) == labels) & (ndimage.minimum_filter(labels, 7) != labels)
    count = np.bincount(labels[limb], minlength=int(labels.max(initial=0)) + 1)
    bright = np.bincount(labels[limb], smooth[limb], minlength=len(count)) / np.maximum(count, 1)
    bare = ndimage.maximum_filter(labels, 5) == 0
    ground = float(np.median(smooth[bare])) if bare.any() else float(smooth.min())
    contrast = np.maximum(bright - ground, 1e-3)
    # Relative to the limb, not to the face: limbs of tilted surface are brighter, as far as the edge.
    cover = np.clip((smooth - ground) / contrast[territory] - EDGE_SHIFT, 0.0, 1.0)
    cover[core] = 1.0
    cover[territory == 0] = 0.0
    return cover.astype(np.float32), np.asarray(territory)


def trace(covers: Sequence[Image]) -> NDArray[np.complex128]:
    """Longest contour at one half of each cover (H, W): 128 points of equal arc length, (n, 128) x + iy.

    NaN where there is no closed contour. All covers lie side by side on one sheet, since the cost of a
    contour is mostly that of the call.
    """
    margin = MARGIN_PX
    widths = np.array([cover.shape[1] + 2 * margin for cover in covers])
    left = np.concatenate([[0], np.cumsum(widths)])
    sheet = np.zeros((max(cover.shape[0] for cover in covers) + 2 * margin, int(left[-1])), np.float32)
    for cover, x in zip(covers, left[:-1], strict=True):
        sheet[margin : margin + cover.shape[0], x + margin : x + margin + cover.shape[1]] = cover
    smooth = ndimage.gaussian_filter(sheet, SMOOTHING_PX, mode="constant", truncate=3.0)
    points = np.full((len(covers), POINTS), np.nan + 0j)
    longest = np.zeros(len(covers))
    for line in contour_generator(z=smooth).lines(0.5):
        assert isinstance(line, np.ndarray)  # the default line type; others are lists
        z = line[:, 0] + 1j * line[:, 1]
        along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(z)))])
        owner = int(np.searchsorted(left, z[0].real, side="right")) - 1
        if len(z) >= 8 and z[0] == z[-1] and along[-1] > longest[owner]:
            longest[owner] = along[-1]
            even = np.interp(np.arange(POINTS) * (along[-1] / POINTS), along, z)
            points[owner] = even - (left[owner] + margin) - 1j * margin
    return points


def measure(points: NDArray[np.complex128]) -> Outlines:
    """Area, perimeter and extent of outlines (n, 128) low-passed to 16 Fourier harmonics.

    Pixel steps are high harmonics of an outline; cutting them off removes their length, which would lower Ψ
    by up to 0.33 for ragged edges.
    """
    spectrum = np.fft.fft(points, axis=1)
    order = np.fft.fftfreq(POINTS, 1 / POINTS)
    spectrum[:, np.abs(order) > HARMONICS] = 0
    low = np.fft.ifft(spectrum, axis=1)
    slope = np.fft.ifft(spectrum * (1j * order), axis=1)
    perimeter = 2 * np.pi * np.abs(slope).mean(axis=1)
    # Green's theorem in Fourier space: A = π Σ k |c_k|².
    area = np.abs(np.pi * (order * np.abs(spectrum / POINTS) ** 2).sum(axis=1))
    extent = np.stack([np.ptp(low.imag, axis=1), np.ptp(low.real, axis=1)], axis=1)
    return Outlines(area, perimeter, extent, low)
