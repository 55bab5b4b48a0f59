"""Predictions with the sampling noise of generated images averaged out over neighbouring conditions."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from models.gaussian_process import Surface, fit_surface
from models.inverse.predictor import Predictor
from models.inverse.space import UnitCube
from models.values import Conditions, Estimate

_FEWEST = 12
"""Points below which there is nothing to average over."""


class SmoothedPredictor:
    """``base`` as a smooth function of the conditions, fitted to what it predicted at ``evaluated``.

    A few images show a few dozen particles, so a single prediction scatters (sphericity by as much as it
    varies over the space), and a search that picks the best of hundreds picks fortunate ones. One Gaussian
    process per descriptor (Matérn 5/2 with a length per coordinate plus white noise; hyper-parameters at the
    posterior mode) takes the scatter out. Its spread adds, in squares, what is left of the sampling error and
    the error of the base that neighbouring conditions share, which no averaging takes away.

    ``evaluated`` should come from a search, and so be dense where it matters. Positive descriptors
    (``positive``) are smoothed as logarithms. A descriptor with fewer than 12 finite predictions stays as the
    base predicts it, and so does a prediction that is not a number.
    """

    def __init__(
        self,
        base: Predictor,
        cube: UnitCube,
        evaluated: Sequence[Conditions],
        *,
        positive: Mapping[str, bool],
    ) -> None:
        self._base, self._cube = base, cube
        predictions = base.predict(evaluated)
        points = cube.encode_many(evaluated)
        self._surfaces: dict[str, Surface] = {}
        self._logarithmic: set[str] = set()
        self._rough = not predictions
        for name in predictions[0] if predictions else ():
            values = np.array([prediction[name].mean for prediction in predictions])
            usable = np.isfinite(values)
            if usable.sum() >= _FEWEST:
                values = values[usable]
                if positive.get(name, False) and (values > 0).all():
                    self._logarithmic.add(name)
                    values = np.log(values)
                self._surfaces[name] = fit_surface(points[usable], values)
            else:
                self._rough = True
        self._blank = {
            cube.key(conditions)
            for conditions, prediction in zip(evaluated, predictions, strict=True)
            if any(not math.isfinite(one.mean) for one in prediction.values())
        }

    @property
    def version(self) -> str:
        """The base's."""
        return self._base.version

    @property
    def images_generated(self) -> int:
        """By the base, so far."""
        return self._base.images_generated

    @property
    def own_error(self) -> Mapping[str, float]:
        """The base's."""
        return self._base.own_error

    def manifold_distance(self, conditions: Conditions) -> float:
        """The base's."""
        return self._base.manifold_distance(conditions)

    def predict(self, many: Sequence[Conditions]) -> list[dict[str, Estimate]]:
        """Smoothed estimates, in order, in the descriptors' units."""
        rough = self._base.predict(many) if self._rough else [{} for _ in many]
        predictions = [dict(one) for one in rough]
        points = self._cube.encode_many(many)
        for name, surface in self._surfaces.items():
            mean, sd = surface.at(points)
            if name in self._logarithmic:
                mean = np.exp(mean)
                sd = mean * sd
            for i, prediction in enumerate(predictions):
                own = self.own_error.get(name, 0.0) * abs(mean[i])
                prediction[name] = Estimate(float(mean[i]), math.hypot(sd[i], own))
        for conditions, prediction in zip(many, predictions, strict=True):
            if self._cube.key(conditions) in self._blank:
                prediction.update(dict.fromkeys(self._surfaces, Estimate(math.nan, math.nan)))
        return predictions
