"""Whether an image is fit to be measured: black, saturated, out of focus, charged, or seen before.

Each criterion is a number measured on the pixels, and a limit that it must keep; the limits lie between good
fields of both simulated plants and spoilt ones (``python -m benchmarks.image_quality`` measures them).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Image = NDArray[np.float32]

LEAST_CONTRAST = 0.06
MOST_SATURATED = 0.15
LEAST_DETAIL = -3.3
MOST_BELOW_OTHERS = 0.7
MOST_STREAKS = 6.0
MOST_ALIKE = 0.5

FINE, COARSE, NOISE = (0.08, 0.14), (0.02, 0.05), (0.40, 0.50)
"""Bands of the power spectrum, in cycles per pixel."""

LEAST_SIDE_PX, MOST_SIDE_PX = 64, 2048
LEAST_OVER_NOISE = 2.0
SURE = 4.0
"""Standard deviations by which fine detail exceeds what noise alone might show."""
PRINT_WIDTH_PX = 320
SHIFT_PX = 8


@dataclass(frozen=True)
class Quality:
    """What the pixels of one field say of how it was taken.

    ``contrast`` is the span of grey levels, 0–1, without the darkest and brightest 0.5 %. ``saturated`` is
    the share of pixels at the top of the range. ``detail`` is log10 of the power of fine detail over that of
    coarse detail, both above the noise: a probe of SD b pixels takes 0.19 b² from it, whatever the scene.
    ``streaks`` is how much more neighbouring rows differ in their means than neighbouring columns do.
    """

    contrast: float
    saturated: float
    detail: float
    streaks: float


def assess(pixels: Image, reduced: Image | None = None) -> Quality:
    """Measure one field, ``pixels`` (H, W) in [0, 1] without information bar.

    ``reduced`` is the field at the scale at which it is measured, if that is coarser: a blur that is gone
    there does no harm. A field that is too small to tell its focus counts as sharp.
    """
    return Quality(
        contrast=contrast(pixels),
        saturated=float(np.mean(pixels >= 254.5 / 255)),
        detail=detail(pixels if reduced is None else reduced),
        streaks=_streaks(pixels),
    )


def unfit(found: Quality) -> str | None:
    """Why a field cannot be measured, in a few words with the number; None: it can."""
    if blank(found.contrast):
        return blank(found.contrast)
    if found.saturated > MOST_SATURATED:
        share, most = 100 * found.saturated, 100 * MOST_SATURATED
        return f"saturated: {share:.0f} % of its pixels are at the top of the range (at most {most:.0f} %)"
    if found.streaks > MOST_STREAKS:
        times = f"{found.streaks:.1f} times"
        return f"charged: its rows differ {times} as much as its columns (at most {MOST_STREAKS:g})"
    if found.detail < LEAST_DETAIL:
        return f"out of focus: log10 of its fine detail is {found.detail:.1f} (at least {LEAST_DETAIL:g})"
    return None


def contrast(pixels: Image) -> float:
    """The ``contrast`` of :class:`Quality` alone."""
    low, high = np.percentile(pixels[::3, ::3], (0.5, 99.5))
    return float(high - low)


def blank(found: float) -> str | None:
    """Why a field of the contrast ``found`` shows nothing at all; None: it shows something."""
    if found < LEAST_CONTRAST:
        return f"black or empty: its grey levels span {found:.3f} (at least {LEAST_CONTRAST})"
    return None


def softer(found: float, others: Sequence[float]) -> str | None:
    """Why a field with the detail ``found`` is out of focus beside ``others`` of its sample; None: it is not.

    A scene without fine detail, such as smooth plates, tells a small defocus only in comparison.
    """
    if not others:
        return None
    usual = median_high(others)
    if found < usual - MOST_BELOW_OTHERS:
        return (
            f"out of focus: log10 of its fine detail is {found:.1f}, beside {usual:.1f} in the other fields "
            f"(at most {MOST_BELOW_OTHERS:g} below)"
        )
    return None


def fingerprint(pixels: Image) -> Image:
    """What identifies the scene in a field (H, W): its middle detail, reduced, with mean 0 and SD 1."""
    factor = max(1, pixels.shape[1] // PRINT_WIDTH_PX)
    height, width = (side // factor * factor for side in pixels.shape)
    tiles = pixels[:height, :width].reshape(height // factor, factor, width // factor, factor)
    small = tiles.mean(axis=(1, 3))
    band = ndimage.gaussian_filter(small, 1.0) - ndimage.gaussian_filter(small, 4.0)
    return np.asarray((band - band.mean()) / (band.std() or 1.0), np.float32)


def likeness(one: Image, other: Image) -> float:
    """Correlation of two fingerprints, the largest over shifts of a few pixels: 1 is the same scene."""
    if one.shape != other.shape:
        return 0.0
    height, width = one.shape
    product = fft.irfft2(fft.rfft2(one) * np.conj(fft.rfft2(other)), s=one.shape) / (height * width)
    near = np.roll(product, (SHIFT_PX, SHIFT_PX), axis=(0, 1))[: 2 * SHIFT_PX + 1, : 2 * SHIFT_PX + 1]
    return float(near.max())


def seen_before(new: Image, earlier: Sequence[Image]) -> int | None:
    """Which of the ``earlier`` fingerprints shows the scene of ``new``; None: a scene of its own."""
    alike = [likeness(new, one) for one in earlier]
    best = int(np.argmax(alike)) if alike else 0
    return best if alike and alike[best] > MOST_ALIKE else None


def detail(pixels: Image) -> float:
    """The ``detail`` of :class:`Quality` alone; −9 where noise covers it, 0 for less than 64 px a side."""
    if min(pixels.shape) < LEAST_SIDE_PX:
        return 0.0
    fine, coarse, noise, sure = _powers(pixels)
    if coarse <= noise or fine - noise <= sure:
        return -9.0
    return float(np.log10(max((fine - noise) / (coarse - noise), 1e-9)))


def structureless(pixels: Image) -> bool:
    """Whether a field (H, W) shows noise alone: that has no focus to be judged."""
    if min(pixels.shape) < LEAST_SIDE_PX:
        return False
    _, coarse, noise, _ = _powers(pixels)
    return coarse < LEAST_OVER_NOISE * noise


def _powers(pixels: Image) -> tuple[float, float, float, float]:
    """Mean power of fine detail, of coarse detail and of noise; by how much noise may seem fine detail."""
    # The middle of a very large field tells its focus as well, in far less memory.
    top, left = (max(0, (side - MOST_SIDE_PX) // 2) for side in pixels.shape)
    pixels = pixels[top : top + MOST_SIDE_PX, left : left + MOST_SIDE_PX]
    height, width = pixels.shape
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    power = np.abs(fft.rfft2((pixels - pixels.mean()) * window)) ** 2
    frequency = np.hypot(fft.fftfreq(height)[:, None], fft.rfftfreq(width)[None, :])
    bands = [power[(frequency >= low) & (frequency < high)] for low, high in (FINE, COARSE, NOISE)]
    fine, coarse, noise = (float(band.mean()) for band in bands)
    # The power of one wave of noise scatters as much as it is large; the window joins about two of them.
    return fine, coarse, noise, SURE * noise * float(np.sqrt(2.0 / bands[0].size))


def _streaks(pixels: Image) -> float:
    rows, columns = np.diff(pixels.mean(axis=1)), np.diff(pixels.mean(axis=0))
    # The median keeps one bright edge along a row from looking like a streak.
    spread = [float(np.median(np.abs(one))) for one in (rows, columns)]
    return spread[0] / max(spread[1], 1e-6)
