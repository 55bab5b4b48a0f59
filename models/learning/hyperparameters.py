"""Hyper-parameters of a Gaussian process where data are too few for the likelihood alone."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Array = npt.NDArray[np.float64]


def posterior_mode(mode: Array, spread: Array) -> Callable[..., tuple[Array, float]]:
    """An optimiser for scikit-learn's regressor that adds log-normal priors to the log-likelihood (MAP).

    ``mode`` and ``spread``: mean and SD of theta, the logarithms of the kernel's hyper-parameters in
    scikit-learn's order (n,). Rasmussen & Williams, *Gaussian Processes for Machine Learning*, 2006,
    eq. 5.8-5.9 with the prior added.
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
