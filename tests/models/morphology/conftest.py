"""Synthetic fields with known truth: anti-aliased discs and lobed particles on a noisy ground."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage


def _field(
    shape: tuple[int, int],
    particles: Sequence[tuple[float, float, float]],
    lobes: float = 0.0,
    noise: float = 0.01,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Particles (x, y, radius) in px of brightness 0.6 on 0.15; ``lobes``: their amplitude."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float) + 0.5
    image = np.full(shape, 0.15)
    for cx, cy, radius in particles:
        edge = radius * (1 + lobes * np.cos(5 * np.arctan2(y - cy, x - cx)))
        cover = np.clip(edge - np.hypot(x - cx, y - cy) + 0.5, 0, 1)
        image += cover * (0.6 - image)
    blurred = ndimage.gaussian_filter(image, 0.6) + noise * rng.standard_normal(shape)
    return np.clip(blurred, 0, 1).astype(np.float32)


def _grid(side: int, spacing: float, radius: float) -> list[tuple[float, float, float]]:
    """Whole discs on a square grid inside a square field."""
    places = np.arange(spacing / 2, side, spacing)
    return [(float(x), float(y), radius) for x in places for y in places]


def _lobed_sphericity(lobes: float) -> float:
    """Exact 4πA/P² of r = 1 + lobes·cos 5θ."""
    theta = np.linspace(0, 2 * np.pi, 20001)
    z = (1 + lobes * np.cos(5 * theta)) * np.exp(1j * theta)
    perimeter = np.abs(np.diff(z)).sum()
    area = 0.5 * np.sum(z[:-1].real * np.diff(z.imag) - z[:-1].imag * np.diff(z.real))
    return float(4 * np.pi * area / perimeter**2)


@pytest.fixture
def field() -> Callable[..., NDArray[np.float32]]:
    return _field


@pytest.fixture
def grid() -> Callable[[int, float, float], list[tuple[float, float, float]]]:
    return _grid


@pytest.fixture
def lobed_sphericity() -> Callable[[float], float]:
    return _lobed_sphericity
