"""Predictions with the sampling noise of generated images averaged out over neighbouring conditions."""

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from models.inverse.predictor import Predictor
from models.inverse.space import Array, UnitCube
from models.learning.hyperparameters import posterior_mode
from models.values import Conditions, Estimate

_FEWEST = 12
"""Points below which there is nothing to average over."""
_WIDE = (1e-8, 1e4)
"""Bounds that the priors keep the hyper-parameters away from."""
_SIGNAL, _LENGTH, _NOISE = 1.0, 1.5, 0.2
"""Before anything is seen, in units of the predictions' own SD and of the unit cube."""


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
        self._surfaces: dict[str, _Surface] = {}
        self._rough = not predictions
        for name in predictions[0] if predictions else ():
            values = np.array([prediction[name].mean for prediction in predictions])
            usable = np.isfinite(values)
            if usable.sum() >= _FEWEST:
                logarithmic = positive.get(name, False) and bool((values[usable] > 0).all())
                self._surfaces[name] = _Surface(points[usable], values[usable], logarithmic)
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
            for i, prediction in enumerate(predictions):
                own = self.own_error.get(name, 0.0) * abs(mean[i])
                prediction[name] = Estimate(float(mean[i]), math.hypot(sd[i], own))
        for conditions, prediction in zip(many, predictions, strict=True):
            if self._cube.key(conditions) in self._blank:
                prediction.update(dict.fromkeys(self._surfaces, Estimate(math.nan, math.nan)))
        return predictions


class _Surface:
    """One descriptor over the unit cube."""

    def __init__(self, points: Array, values: Array, logarithmic: bool) -> None:
        self._logarithmic = logarithmic
        values = np.log(values) if logarithmic else values
        self._centre, self._size = float(values.mean()), float(values.std()) or 1.0
        dimension = points.shape[1]
        kernel = ConstantKernel(_SIGNAL**2, _WIDE) * Matern(
            [_LENGTH] * dimension, _WIDE, nu=2.5
        ) + WhiteKernel(_NOISE**2, _WIDE)
        mode = np.log([_SIGNAL**2, *[_LENGTH] * dimension, _NOISE**2])
        spread = np.array([1.5, *[0.7] * dimension, 3.0])
        self._process = GaussianProcessRegressor(kernel, optimizer=posterior_mode(mode, spread))
        with warnings.catch_warnings():
            # A predictor without scatter takes the noise to its bound, which is as well.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._process.fit(points, (values - self._centre) / self._size)
        self._noise = float(self._process.kernel_.k2.noise_level)

    def at(self, points: Array) -> tuple[Array, Array]:
        """Mean and SD (n,) of the surface itself, without the scatter of single predictions."""
        mean, sd = self._process.predict(points, return_std=True)
        mean = self._centre + self._size * mean
        sd = self._size * np.sqrt(np.maximum(sd**2 - self._noise, 0.0))
        if self._logarithmic:
            mean = np.exp(mean)
            sd = mean * sd
        return mean, sd
