"""The published estimator as its paper defines it, step by step: what its running time is measured against.

Dahari et al., arXiv 2410.19568. With the path of a checkout of theirs, their own code instead.
"""

import importlib
import math
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm

Image = NDArray[np.uint8]
SMALL = {2: 1000**2, 3: 250**3}
MODEL_ERROR = {2: (48.20175315, 0.4297919), 3: (444.803518, 0.436974444)}


def peer(checkout: Path | None) -> tuple[str, Callable[[Image], Any]]:
    """Name and function of what is measured against: a checkout's own code, or the transcription below."""
    if checkout is None:
        return "transcription", transcription
    if not hasattr(np, "trapz"):
        # Their code was written for numpy 1.
        setattr(np, "trapz", np.trapezoid)  # noqa: B010
    sys.path.insert(0, str(checkout))
    core = importlib.import_module("representativity.core")
    return "ImageRep", lambda image: core.make_error_prediction(image)


def transcription(image: Image, confidence: float = 0.95, target_error: float = 0.05) -> tuple[float, ...]:
    """Integral range, half width of the interval, and side needed."""
    dimensions, volume = image.ndim, image.size
    fraction = float(image.mean())
    correlation = np.fft.fftshift(np.fft.ifftn(np.abs(np.fft.fftn(image)) ** 2).real / volume)
    reach = min(image.shape) // 2
    middle = [n // 2 for n in image.shape]
    correlation = correlation[tuple(slice(m - reach, m + reach) for m in middle)]
    distance = np.sqrt(sum(np.square(axis) for axis in np.ogrid[(slice(-reach, reach),) * dimensions]))
    radius = _end_of_correlation(correlation, distance, fraction)
    ring = (distance >= radius - 10) & (distance <= radius)
    squared = (fraction**2 + float(correlation[ring].mean())) / 2
    ball = distance < radius
    overlap = 1.0
    for n, axis in zip(image.shape, np.ogrid[(slice(-reach, reach),) * dimensions], strict=True):
        overlap = overlap * (1 - np.abs(axis) / n)
    pairs = float(np.broadcast_to(overlap, ball.shape)[ball].sum())
    bias = volume / (volume - pairs)
    missing = bias * (float(ball.sum()) - pairs) / volume
    while missing > 1:
        missing /= 1.1
    excess = correlation[ball] - squared
    factor = bias / (1 - missing) / (fraction - squared)
    length = _checked(image, fraction, factor, excess)
    scale, power = MODEL_ERROR[dimensions]
    error = scale / volume**power
    samples = volume / length**dimensions

    def half(number: float) -> float:
        return _half_width(math.sqrt(fraction * (1 - fraction) / number), error, confidence)

    found = minimize(
        lambda n: abs(target_error * fraction - half(float(n[0]))),
        [samples],
        method="nelder-mead",
        bounds=[(10, 1e9)],
    )
    return length, half(samples), float(found.x[0] * length**dimensions) ** (1 / dimensions)


def _end_of_correlation(
    correlation: NDArray[np.float64], distance: NDArray[np.float64], fraction: float
) -> float:
    dimensions = distance.ndim
    reach = math.sqrt(dimensions) * correlation.shape[0] / 2
    small = reach < int(100 * math.sqrt(dimensions))
    edges = np.linspace(0, int(reach), 100) if small else np.arange(0, int(reach), 100)
    for inner, outer in pairwise(edges[1:].tolist()):
        ring = (distance >= inner) & (distance < outer)
        deviating = correlation[ring] - fraction**2 > 0.05 * fraction * (1 - fraction)
        if ring.any() and deviating.mean() < 0.03:
            return float(int(inner))
    return float(edges[1])


def _checked(image: Image, fraction: float, factor: float, excess: NDArray[np.float64]) -> float:
    """Length; a small image's is drawn towards that which the scatter of means over lines (planes) gives."""
    dimensions = image.ndim

    def length() -> float:
        area = factor * float(excess.sum())
        return float(np.sign(area) * abs(area) ** (1 / dimensions))

    if image.size > SMALL[dimensions]:
        return max(length(), 1.0)
    other = _section_length(image, fraction)
    for _ in range(400):
        found = length()
        if found >= 1 and 1 / 3 <= found / other <= 3:
            break
        shrunk = excess < 0 if found < 1 or found < other else excess > 0
        excess = np.where(shrunk, 0.9 * excess, excess)
    return max(length(), 1.0)


def _section_length(image: Image, fraction: float) -> float:
    ratios = [2**i for i in range(int(math.log2(min(image.shape))) - 6, 0, -1)] + [1]
    lengths, errors = [], []
    for ratio in ratios[-4:]:
        side = [n // ratio for n in image.shape]
        means = [
            image[tuple(slice(i * s, (i + 1) * s) for i, s in zip(place, side, strict=True))].mean(
                axis=tuple(range(image.ndim - 1))
            )
            for place in np.ndindex(*(n // s for n, s in zip(image.shape, side, strict=True)))
        ]
        lengths.append(side[1])
        errors.append(1.96 * float(np.std(means, ddof=1)) / fraction)

    def misfit(candidate: float) -> float:
        samples = (candidate / np.array(lengths)) ** (image.ndim - 1)
        deviation = np.sqrt(fraction * (1 - fraction) * samples)
        return float(np.mean(np.abs(np.array(errors) - norm.interval(0.95, scale=deviation)[1] / fraction)))

    coarse = min(np.arange(1.0, 150.0), key=misfit)
    return float(min(np.linspace(max(coarse - 1, 0.1), coarse + 1, 50), key=misfit))


def _half_width(deviation: float, error: float, confidence: float, points: int = 301) -> float:
    """Half width of the interval: normal errors whose SD is itself normal, on a grid of both."""
    reach = min(0.9 / error, 6.0)
    spread = np.linspace(deviation * (1 - reach * error), deviation * (1 + reach * error), points)
    place = np.linspace(-reach * deviation, reach * deviation, points)
    weight = norm.pdf(spread, deviation, deviation * error)
    density = (norm.pdf(place, 0, spread[:, None]) * weight[:, None]).sum(axis=0)
    total = np.cumsum(density) / density.sum()
    return float(-place[np.argmax(total > (1 - confidence) / 2)])
