"""From descriptors of generated images to descriptors of measured ones.

For each descriptor a monotone map of its values, and a smooth field over the conditions for what the map
leaves: where the generator is too timid, or blind. Both are fitted to training conditions only.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from sklearn.isotonic import IsotonicRegression

from models.gaussian_process import fit_surface, matern

FEWEST_FOR_FIELD = 24
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


class ConditionField(BaseModel):
    """A smooth function of the conditions, added on the map's scale: a kernel expansion of few numbers.

    ``points`` (n, d): training conditions in the generator's unit cube; ``lengths`` (d,) and ``weights``
    (n,): of the Matérn 5/2 kernel (:class:`models.gaussian_process.Surface`). ``scale`` as the map's.
    """

    model_config = ConfigDict(frozen=True)

    scale: Literal["linear", "log"] = "linear"
    points: tuple[tuple[float, ...], ...]
    lengths: tuple[float, ...]
    weights: tuple[float, ...]
    centre: float = 0.0

    def __call__(self, coordinates: ArrayLike) -> NDArray[np.float64]:
        """What to add (m,) at ``coordinates`` (m, d)."""
        at = np.atleast_2d(np.asarray(coordinates, dtype=np.float64))
        kernel = matern(at, np.array(self.points), np.array(self.lengths))
        return np.asarray(self.centre + kernel @ np.array(self.weights))


class Calibration(BaseModel):
    """The maps and fields of a generator by descriptor; a descriptor without them passes unchanged."""

    model_config = ConfigDict(frozen=True)

    maps: Mapping[str, MonotoneMap] = {}
    fields: Mapping[str, ConditionField] = {}

    def apply(
        self, descriptor: str, values: ArrayLike, coordinates: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Measured-equivalent values of ``descriptor`` for values (n,) taken from generated images.

        ``coordinates`` (n, d) or (d,): where in the generator's unit cube; None: the map alone.
        """
        found = self.maps.get(descriptor)
        mapped = np.asarray(values, dtype=np.float64) if found is None else found(values)
        field = self.fields.get(descriptor)
        if field is None or coordinates is None:
            return mapped
        added = field(coordinates).reshape(np.shape(mapped) if np.ndim(coordinates) > 1 else ())
        return np.asarray(mapped * np.exp(added) if field.scale == "log" else mapped + added)


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
