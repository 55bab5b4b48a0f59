"""Random two-phase structures."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage


def _blobs(
    shape: tuple[int, ...], length: float | tuple[float, ...], fraction: float, seed: int
) -> NDArray[np.uint8]:
    rough = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), length, mode="wrap")
    return (rough > np.quantile(rough, 1 - fraction)).astype(np.uint8)


@pytest.fixture
def blobs() -> Callable[..., NDArray[np.uint8]]:
    """Gaussian random field above a threshold: shape, smoothing in px, fraction, seed."""

    def make(
        shape: tuple[int, ...], length: float | tuple[float, ...] = 4.0, fraction: float = 0.4, seed: int = 0
    ) -> NDArray[np.uint8]:
        return _blobs(shape, length, fraction, seed)

    return make
