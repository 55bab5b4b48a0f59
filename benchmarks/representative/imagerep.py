"""The published estimator as its paper defines it, step by step: what its running time is measured against.

Dahari et al., arXiv 2410.19568. With the path of a checkout of theirs, their own code instead.
"""

import importlib
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Image = NDArray[np.uint8]
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
    excess = float((correlation[ball] - squared).sum())
    area = bias / (1 - missing) / (fraction - squared) * excess
    length = max(area, 1.0) ** (1 / dimensions)
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
    furthest = float(distance.max())
    step = 100 if furthest > 200 else max(furthest / 100, 1.0)
    inner = step
    while inner + step < furthest:
        ring = (distance >= inner) & (distance < inner + step)
        deviating = correlation[ring] - fraction**2 > 0.05 * fraction * (1 - fraction)
        if deviating.mean() < 0.03:
            return inner
        inner += step
    return step


def _half_width(deviation: float, error: float, confidence: float, points: int = 301) -> float:
    """Half width of the interval: normal errors whose SD is itself normal, on a grid of both."""
    reach = min(0.9 / error, 6.0)
    spread = np.linspace(deviation * (1 - reach * error), deviation * (1 + reach * error), points)
    weight = np.exp(-0.5 * np.square((spread / deviation - 1) / error))
    place = np.linspace(-reach * deviation, reach * deviation, points)
    density = (np.exp(-0.5 * np.square(place / spread[:, None])) * (weight / spread)[:, None]).sum(axis=0)
    total = np.cumsum(density) / density.sum()
    return float(-place[np.argmax(total > (1 - confidence) / 2)])
