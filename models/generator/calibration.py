"""From descriptors of generated images to descriptors of measured ones: one monotone map per descriptor."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from sklearn.isotonic import IsotonicRegression

KNOTS = 5
FOLDS = 5


class MonotoneMap(BaseModel):
    """A non-decreasing piecewise-linear map through ``knots``, continued linearly at both ends.

    ``scale`` "log": knots are logarithms of positive values. Two knots make a line.
    """

    model_config = ConfigDict(frozen=True)

    scale: Literal["linear", "log"] = "linear"
    x: tuple[float, ...]
    y: tuple[float, ...]
    n_conditions: int = 0

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Calibrated values, same shape; NaN stays NaN."""
        v = np.asarray(values, dtype=np.float64)
        if self.scale == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                v = np.log(v)
        x, y = np.array(self.x), np.array(self.y)
        out = np.interp(v, x, y)
        left, right = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
        out = np.where(v < x[0], y[0] + left * (v - x[0]), out)
        out = np.where(v > x[-1], y[-1] + right * (v - x[-1]), out)
        out = np.where(np.isfinite(v), out, np.nan)
        return np.asarray(np.exp(out) if self.scale == "log" else out)


class Calibration(BaseModel):
    """The maps of a generator by descriptor; a descriptor without one passes unchanged."""

    model_config = ConfigDict(frozen=True)

    maps: Mapping[str, MonotoneMap] = {}

    def apply(self, descriptor: str, values: ArrayLike) -> NDArray[np.float64]:
        """Measured-equivalent values of ``descriptor`` for values taken from generated images."""
        found = self.maps.get(descriptor)
        return np.asarray(values, dtype=np.float64) if found is None else found(values)


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
