"""A smooth surface through scattered values: Gaussian-process regression where data are few and noisy."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

Array = npt.NDArray[np.float64]

_WIDE = (1e-8, 1e4)
"""Bounds that the priors keep the hyper-parameters away from."""
_SIGNAL, _LENGTH, _NOISE = 1.0, 1.5, 0.2
"""Before anything is seen, in units of the values' own SD and of the unit cube."""
_SPREAD = (1.5, 0.7, 3.0)
"""SD of the logarithms of signal², length and noise² about these."""


@dataclass(frozen=True)
class Surface:
    """Mean and SD of the surface itself, without the scatter of single values about it.

    ``noise``: SD of that scatter, in the values' unit. ``left_out``: prediction (n,) of each value from all
    the others (leave-one-out; Rasmussen & Williams 2006, eq. 5.12). Mean of the surface at points x (m, d):
    ``centre + K(x, points) @ weights`` with K of ``lengths`` (:func:`models.kernels.matern`).
    """

    points: Array
    lengths: Array
    weights: Array
    centre: float
    noise: float
    left_out: Array
    _process: GaussianProcessRegressor
    _size: float

    def at(self, points: Array) -> tuple[Array, Array]:
        """Mean and SD (m,) at ``points`` (m, d)."""
        mean, sd = self._process.predict(points, return_std=True)
        spread = np.sqrt(np.maximum((self._size * sd) ** 2 - self.noise**2, 0.0))
        return self.centre + self._size * mean, spread


def fit_surface(points: Array, values: Array) -> Surface:
    """The surface through ``values`` (n,) at ``points`` (n, d) of the unit cube.

    Kernel: Matérn 5/2 with a length per coordinate plus white noise; hyper-parameters at their posterior
    mode.
    """
    centre, size = float(values.mean()), float(values.std()) or 1.0
    dimension = points.shape[1]
    kernel = ConstantKernel(_SIGNAL**2, _WIDE) * Matern([_LENGTH] * dimension, _WIDE, nu=2.5) + WhiteKernel(
        _NOISE**2, _WIDE
    )
    mode = np.log([_SIGNAL**2, *[_LENGTH] * dimension, _NOISE**2])
    spread = np.array([_SPREAD[0], *[_SPREAD[1]] * dimension, _SPREAD[2]])
    process = GaussianProcessRegressor(kernel, optimizer=posterior_mode(mode, spread))
    scaled = (values - centre) / size
    with warnings.catch_warnings():
        # Values without scatter take the noise to its bound, which is as well.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(points, scaled)
    signal, lengths = process.kernel_.k1.k1.constant_value, process.kernel_.k1.k2.length_scale
    inverse = np.linalg.inv(process.L_ @ process.L_.T)
    return Surface(
        points=points,
        lengths=np.asarray(lengths, dtype=np.float64),
        weights=size * signal * process.alpha_,
        centre=centre,
        noise=size * float(np.sqrt(process.kernel_.k2.noise_level)),
        left_out=centre + size * (scaled - process.alpha_ / np.diag(inverse)),
        _process=process,
        _size=size,
    )


def posterior_mode(mode: Array, spread: Array) -> Callable[..., tuple[Array, float]]:
    """An optimiser for scikit-learn's regressor that adds log-normal priors to the log-likelihood (MAP).

    ``mode`` and ``spread``: mean and SD of theta, the logarithms of the kernel's hyper-parameters in
    scikit-learn's order (n,). With few points the likelihood alone would choose absurd values. Rasmussen &
    Williams, *Gaussian Processes for Machine Learning*, 2006, eq. 5.8-5.9 with the prior added.
    """

    def optimise(
        objective: Callable[..., tuple[float, Array]], initial: Array, bounds: Array
    ) -> tuple[Array, float]:
        def penalised(theta: Array) -> tuple[float, Array]:
            value, gradient = objective(theta, eval_gradient=True)
            off = (theta - mode) / spread
            return value + 0.5 * float(off @ off), gradient + off / spread

        found = minimize(penalised, initial, jac=True, bounds=bounds, method="L-BFGS-B")
        return found.x, float(found.fun)

    return optimise
