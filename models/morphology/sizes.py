"""Weighted size statistics, and the weight that undoes the frame's preference for small particles."""

import numpy as np
from numpy.typing import ArrayLike

from models.morphology.measures import Floats


def weighted_quantile(values: ArrayLike, weights: ArrayLike, probabilities: ArrayLike) -> Floats:
    """Quantiles of weighted samples, linear between the midpoints of the cumulative weight.

    With equal weights this is Hazen's (i − ½)/n rule. NaN for no samples; the result has the shape of
    ``probabilities`` and the unit of ``values``.
    """
    value = np.asarray(values, float)
    weight = np.asarray(weights, float)
    asked = np.atleast_1d(np.asarray(probabilities, float))
    if value.size == 0 or weight.sum() <= 0:
        return np.full(asked.shape, np.nan)
    order = np.argsort(value, kind="stable")
    value, weight = value[order], weight[order]
    middle = (np.cumsum(weight) - 0.5 * weight) / weight.sum()
    return np.asarray(np.interp(asked, middle, value))


def weighted_mean_sd(values: ArrayLike, weights: ArrayLike) -> tuple[float, float]:
    """Mean and SD of weighted samples (reliability weights, unbiased variance); NaN if undefined."""
    value = np.asarray(values, float)
    weight = np.asarray(weights, float)
    total = weight.sum()
    if value.size == 0 or total <= 0:
        return float("nan"), float("nan")
    mean = float((weight * value).sum() / total)
    freedom = total - (weight**2).sum() / total
    if value.size < 2 or freedom <= 0:
        return mean, float("nan")
    return mean, float(np.sqrt((weight * (value - mean) ** 2).sum() / freedom))


HUBER = 2.5
"""Values further from the mean, in SDs, count as if they lay there; of a normal distribution 1 % do."""
_HUBER_SD = 0.98872
"""SD of a standard normal variable that is drawn in to ±2.5."""
_ROUNDS = 50


def weighted_huber(values: ArrayLike, weights: ArrayLike) -> tuple[float, float]:
    """Mean and SD of weighted samples in which a few do not belong: Huber's proposal 2; NaN if undefined.

    Samples beyond 2.5 SD are drawn in to there, and mean and SD are those that are then reproduced, the SD
    such that it is unbiased for a normal distribution: Huber, Ann. Math. Statist. 1964, 35, 73. Begun at the
    median and half the distance between the quantiles at one SD.
    """
    value, weight = np.asarray(values, float), np.asarray(weights, float)
    mean, sd = weighted_mean_sd(value, weight)
    if value.size < 4 or not sd > 0:
        return mean, sd
    middle = float(weighted_quantile(value, weight, 0.5)[0])
    low, high = weighted_quantile(value, weight, (0.1587, 0.8413))
    spread = float(high - low) / 2
    for _ in range(_ROUNDS):
        reach = HUBER * spread
        if reach <= 0:
            return middle, spread
        before = spread
        middle, spread = weighted_mean_sd(np.clip(value, middle - reach, middle + reach), weight)
        spread /= _HUBER_SD
        if abs(spread - before) <= 1e-6 * spread:
            break
    return middle, spread


def frame_weights(boxes: ArrayLike, shape: tuple[int, int]) -> Floats:
    """Miles–Lantuéjoul weights for particles that lie wholly inside the frame.

    ``boxes`` (n, 2) are the particles' extents (height, width) in px, ``shape`` the frame's. A particle of
    extent (h, w) lies inside only for a share (H − h)(W − w)/(HW) of its positions, so it counts for the
    inverse of that share: Miles, Lantuéjoul, in Serra, Image Analysis and Mathematical Morphology (1982), ch.
    8.
    """
    extent = np.asarray(boxes, float).reshape(-1, 2)
    frame = np.asarray(shape, float)
    free = np.maximum(frame - extent, 1.0)
    return np.asarray((frame / free).prod(axis=1))
