"""Fitting the calibration: maps and fields from generated and measured descriptors of training conditions."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import IsotonicRegression

from models.gaussian_process import fit_surface
from models.generator.calibration import ConditionField, MonotoneMap

FEWEST_FOR_FIELD = 24
KNOTS = 5
FOLDS = 5


def fit_field(
    coordinates: NDArray[np.float64],
    mapped: ArrayLike,
    measured: ArrayLike,
    scale: Literal["linear", "log"],
) -> ConditionField | None:
    """What is left of ``measured`` (C,) after the map, as a smooth function of the conditions (C, d).

    None when fewer than 24 conditions are usable, or when predicting each from all others does not take 5 %
    off the mean square: then there is nothing that the conditions explain.
    """
    x, y = np.asarray(mapped, dtype=np.float64), np.asarray(measured, dtype=np.float64)
    if scale == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = np.log(x), np.log(y)
    usable = np.isfinite(x) & np.isfinite(y)
    left, points = (y - x)[usable], coordinates[usable]
    if len(left) < FEWEST_FOR_FIELD or np.ptp(left) < 1e-9:
        return None
    surface = fit_surface(points, left)
    if np.mean((left - surface.left_out) ** 2) > 0.95 * np.mean((left - left.mean()) ** 2):
        return None
    return ConditionField(
        scale=scale,
        points=tuple(tuple(round(float(v), 6) for v in point) for point in points),
        lengths=tuple(map(float, surface.lengths)),
        weights=tuple(map(float, surface.weights)),
        centre=surface.centre,
    )


def fit_map(generated: ArrayLike, measured: ArrayLike, scale: Literal["linear", "log"]) -> MonotoneMap | None:
    """The monotone map that best carries ``generated`` (C,) to ``measured`` (C,), conditions as samples.

    A line and an isotonic curve of a few knots compete by cross-validation; the line wins ties, being
    smoother for an optimiser. None when fewer than 4 conditions are usable or nothing varies.
    """
    x, y = np.asarray(generated, dtype=np.float64), np.asarray(measured, dtype=np.float64)
    if scale == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = np.log(x), np.log(y)
    usable = np.isfinite(x) & np.isfinite(y)
    x, y = x[usable], y[usable]
    if len(x) < 4 or np.ptp(x) < 1e-9:
        return None
    line, curve = _line(x, y), _curve(x, y)
    chosen = line
    if len(x) >= 4 * FOLDS and _cross_validated(_curve, x, y) < 0.98 * _cross_validated(_line, x, y):
        chosen = curve
    return MonotoneMap(
        scale=scale, x=tuple(map(float, chosen[0])), y=tuple(map(float, chosen[1])), n_conditions=len(x)
    )


Knots = tuple[NDArray[np.float64], NDArray[np.float64]]


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> Knots:
    slope = float(np.cov(x, y, bias=True)[0, 1] / np.var(x))
    # A falling line would turn the generator's response around: then the mean is all that is known.
    slope = max(slope, 0.0)
    ends = np.array([x.min(), x.max()])
    return ends, y.mean() + slope * (ends - x.mean())


def _curve(x: NDArray[np.float64], y: NDArray[np.float64]) -> Knots:
    fitted = IsotonicRegression(out_of_bounds="clip").fit(x, y)
    low, high = np.quantile(x, [0.05, 0.95])
    if high - low < 1e-9:
        return _line(x, y)
    # Evenly spaced, not at quantiles: crowded knots would follow the noise of the crowd.
    knots = np.linspace(low, high, KNOTS)
    width = 0.5 * (high - low) / (KNOTS - 1)
    # Averaging the steps over a knot's neighbourhood makes a slope of them; averages of a rising curve rise.
    offsets = np.linspace(-width, width, 9)
    heights = fitted.predict((knots[:, None] + offsets).ravel()).reshape(len(knots), -1).mean(axis=1)
    heights = np.maximum.accumulate(heights)
    # Beyond the knots the line's slope holds, so that no steep last step is continued outside.
    (x0, x1), (y0, y1) = _line(x, y)
    reach, rise = high - low, (y1 - y0) / (x1 - x0) * (high - low)
    return np.array([low - reach, *knots, high + reach]), np.array(
        [heights[0] - rise, *heights, heights[-1] + rise]
    )


def _cross_validated(fit: object, x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    assert callable(fit)
    order = np.argsort(x, kind="stable")
    fold = np.empty(len(x), dtype=int)
    fold[order] = np.arange(len(x)) % FOLDS
    error = 0.0
    for k in range(FOLDS):
        kx, ky = fit(x[fold != k], y[fold != k])
        predicted = MonotoneMap(x=tuple(kx), y=tuple(ky))(x[fold == k])
        error += float(np.sum((predicted - y[fold == k]) ** 2))
    return error
