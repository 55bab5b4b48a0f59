"""From descriptors of generated images to descriptors of measured ones.

For each descriptor a monotone map of its values, and a smooth field over the conditions for what the map
leaves: where the generator is too timid, or blind. :mod:`models.generator.calibrating` fits them.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from models.kernels import matern


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
