"""How alike values at two places are: the kernel behind surfaces over conditions."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def matern(one: Array, other: Array, lengths: Array) -> Array:
    """Matérn 5/2 correlations (m, n) between points (m, d) and (n, d) of the unit cube."""
    apart = (one[:, None, :] - other[None, :, :]) / lengths
    r = np.sqrt(5.0 * np.sum(apart**2, axis=-1))
    return np.asarray((1.0 + r + r**2 / 3.0) * np.exp(-r))
