"""Random two-phase structures."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage


@pytest.fixture
def blobs() -> Callable[..., NDArray[np.uint8]]:
    """Gaussian random field above a threshold: shape, smoothing in px, fraction, seed."""

    def make(
        shape: tuple[int, ...], length: float | tuple[float, ...] = 4.0, fraction: float = 0.4, seed: int = 0
    ) -> NDArray[np.uint8]:
        noise = np.random.default_rng(seed).standard_normal(shape)
        rough = ndimage.gaussian_filter(noise, length, mode="wrap")
        return (rough > np.quantile(rough, 1 - fraction)).astype(np.uint8)

    return make
