"""The published estimator: the numbers of Dahari et al., arXiv 2410.19568 (ImageRep).

Its quirks are kept, since agreeing with published numbers is what it is for; only what never ended there ends
here. For an interval that holds what it promises use the calibrated estimator.
"""

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.representativity.covariance import Covariance, over_both_halves
from models.representativity.indicator import Indicator
from models.representativity.remarks import remarks
from models.representativity.result import Representativity, further_fields

# Relative SD of the predicted standard deviation, fitted on MicroLib: a / V^b by dimension.
MODEL_ERROR = {2: (48.20175315, 0.4297919), 3: (444.803518, 0.436974444)}
CHECKED_VOLUME = {2: 1000**2, 3: 250**3}
DEVIATING_SHARE = 0.03
# Exact ties with the 5 % threshold are decided by rounding in the published code; a hair above settles them.
DEVIATION = 0.05 + 1e-6
SHRINK = 0.9
LARGEST_RANGE_PX = 70
MOST_SHRINKS = 400
GRID = 301


def published(images: list[Indicator], confidence: float, target_error: float) -> Representativity:
    """Representativity of an image, a volume or a stack as the published implementation has it."""
    dimensions = images[0].ndim
    volumes = np.array([image.size for image in images], float)
    fractions = np.array([image.mean(dtype=np.float64) for image in images])
    fraction = float(np.average(fractions, weights=volumes))
    warnings: list[str] = []
    mixed = (fractions > 0) & (fractions < 1)
    if not mixed.all():
        warnings.append("A field without contrast was left out of the integral range.")
    if not mixed.any():
        return _result(fraction, math.nan, math.nan, math.nan, confidence, target_error, warnings, images)
    ranges = np.array([integral_range(image) for image, usable in zip(images, mixed, strict=True) if usable])
    length = float(np.average(ranges, weights=volumes[mixed]))
    if length <= 0:
        warnings.append(
            "The published estimator finds no positive integral range here; use the calibrated one."
        )
        warnings += remarks(images, math.inf)
        return _result(fraction, length, math.nan, math.nan, confidence, target_error, warnings, images)
    if length > LARGEST_RANGE_PX:
        warnings.append(f"The integral range is over the {LARGEST_RANGE_PX} px that were checked.")
    total = float(volumes.sum())
    scale, power = MODEL_ERROR[dimensions]
    factor = _interval_factor(scale / total**power, confidence)
    variance = fraction * (1 - fraction)
    half = factor * math.sqrt(variance * length**dimensions / total)
    samples = variance * (factor / (target_error * fraction)) ** 2
    side = (min(max(samples, 10.0), 1e9) * length**dimensions) ** (1 / dimensions)
    warnings += remarks(images, total / length**dimensions)
    return _result(fraction, length, half, side, confidence, target_error, warnings, images)


def _result(
    fraction: float,
    length: float,
    half: float,
    side: float,
    confidence: float,
    target_error: float,
    warnings: list[str],
    images: list[Indicator],
) -> Representativity:
    known = math.isfinite(half)
    wanted = target_error * fraction
    return Representativity(
        phase_fraction=fraction,
        integral_range_px=length,
        confidence=confidence,
        ci=(fraction - half, fraction + half) if known else (0.0, 1.0),
        abs_error=half,
        rel_error=half / fraction if fraction else math.nan,
        target_error=target_error,
        required_size_px=side,
        representative=known and half <= wanted,
        method="imagerep",
        warnings=tuple(warnings),
        effective_samples=sum(image.size for image in images) / length ** images[0].ndim
        if known
        else math.nan,
        n_fields=len(images),
        further_fields=further_fields(len(images), half, wanted, lambda fields: 1.0) if known else None,
    )


def integral_range(image: Indicator) -> float:
    """Integral range in px of an image or volume with contrast (negative where the published one is)."""
    covariance = Covariance(image)
    dimensions, volume = image.ndim, image.size
    variance = covariance.fraction * (1 - covariance.fraction)
    radius = _decorrelation_radius(covariance, DEVIATION * variance)
    lags, square = covariance.within(math.ceil(radius))
    ring = (square >= max(radius - 10, 0) ** 2) & (square <= radius**2)
    residual = over_both_halves(lags, ring) / over_both_halves(ring, ring) / 2
    ball = square < radius**2
    # Pairs at a lag exist only for part of the frame: the share of the frame that overlaps its own shift.
    overlap = over_both_halves(covariance.overlaps(math.ceil(radius)), ball)
    bias = volume / (volume - overlap)
    missing = bias * (over_both_halves(ball, ball) - overlap) / volume
    while missing > 1:
        missing /= 1.1
    factor = bias / (1 - missing) / (variance - residual)
    excess = lags - np.float32(residual)
    above = over_both_halves(np.maximum(excess, 0), ball)
    below = over_both_halves(np.minimum(excess, 0), ball)
    return _checked(image, factor, above, below, dimensions)


def _decorrelation_radius(covariance: Covariance, threshold: float) -> float:
    """Inner radius of the first ring of lags of which less than 3 % deviate from no correlation."""
    dimensions = len(covariance.shape)
    reach = math.sqrt(dimensions) * covariance.reach
    if reach < int(100 * math.sqrt(dimensions)):
        edges = np.linspace(0, int(reach), 100)
        lags, square = covariance.within(covariance.reach)
        ring = np.searchsorted(edges, np.sqrt(square.ravel().astype(float)), side="right") - 1
        twice = np.full(lags.shape, 2.0)
        twice[0] = 1.0
        weight = twice.ravel()
        every = np.bincount(ring, weight, minlength=100)
        deviating = np.bincount(ring, weight * (lags.ravel() > threshold), minlength=100)
        rings = range(1, len(edges) - 1)
        quiet = [i for i in rings if every[i] > 0 and deviating[i] < DEVIATING_SHARE * every[i]]
        return float(int(edges[quiet[0]])) if quiet else float(edges[1])
    # The last entry only closes the last ring; with no quiet ring the first is taken.
    radii = range(100, int(reach), 100)
    for inner, outer in pairwise(radii):
        lags, square = covariance.within(outer)
        counted = (square >= inner**2) & (square < outer**2)
        if over_both_halves(lags > threshold, counted) < DEVIATING_SHARE * over_both_halves(counted, counted):
            return float(inner)
    return float(radii[0])


def _checked(image: Indicator, factor: float, above: float, below: float, dimensions: int) -> float:
    """Integral range after the published cross-check against block statistics, for small images only."""

    def length(shrunk_above: int, shrunk_below: int) -> float:
        area = factor * (above * SHRINK**shrunk_above + below * SHRINK**shrunk_below)
        return area ** (1 / dimensions) if area > 0 else area

    found = length(0, 0)
    if image.size > CHECKED_VOLUME[dimensions]:
        return found
    up = down = 0
    other: float | None = None
    while up + down < MOST_SHRINKS:
        if found >= 1 and other is None:
            other = _section_range(image)
        if found < 1 or (other is not None and other > 1 and found / other < 1 / 3):
            down += 1
        elif other is not None and other > 1 and found / other > 3:
            up += 1
        else:
            break
        found = length(up, down)
    return found


def _section_range(image: Indicator) -> float:
    """The published "classical" length: from the scatter of means over lines (planes) of sub-images."""
    shape = image.shape
    fraction = float(image.mean(dtype=np.float64))
    ratios = [2**i for i in range(int(math.log2(min(shape))) - 6, 0, -1)] + [1]
    ratios = ratios[-4:]
    errors = []
    for ratio in ratios:
        side = [n // ratio for n in shape]
        count = [n // s for n, s in zip(shape, side, strict=True)]
        whole = image[tuple(slice(0, c * s) for c, s in zip(count, side, strict=True))]
        cells = whole.reshape([v for pair in zip(count, side, strict=True) for v in pair])
        # The last axis is not averaged over: that is what the published code computes.
        means = cells.mean(axis=tuple(2 * axis + 1 for axis in range(len(shape) - 1)), dtype=np.float64)
        errors.append(100 * 1.96 * float(means.std(ddof=1)) / fraction)
    lengths = np.array([shape[1] // ratio for ratio in ratios], float)

    def best(candidates: NDArray[np.float64]) -> float:
        samples = (candidates[:, None] / lengths) ** (len(shape) - 1)
        model = 100 * float(ndtri(0.975)) * np.sqrt(fraction * (1 - fraction) * samples) / fraction
        return float(candidates[np.argmin(np.abs(np.array(errors) - model).mean(axis=1))])

    coarse = best(np.arange(1.0, 150.0))
    coarse += 0.1 if coarse <= 1 else 0.0
    return best(np.linspace(coarse - 1, coarse + 1, 50))


@lru_cache(maxsize=1024)
def _interval_factor(model_error: float, confidence: float) -> float:
    """Half width of the interval in standard deviations: normal errors of uncertain SD, on a grid."""
    # The grid of the published code ends here, which is why its intervals are too narrow for small images.
    cut = min(0.9 / model_error, 6.0)
    sd = np.linspace(1 - cut * model_error, 1 + cut * model_error, GRID)
    weight = np.exp(-0.5 * ((sd - 1) / model_error) ** 2) / sd
    error = np.linspace(-cut, cut, GRID)
    density = weight @ np.exp(-0.5 * (error[None, :] / sd[:, None]) ** 2)
    step = error[1] - error[0]
    density /= np.trapezoid(density, dx=step)
    first = int(np.argmax(np.cumsum(density) * step > (1 - confidence) / 2))
    return float(-error[first])
