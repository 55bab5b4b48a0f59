"""The lowest Fourier coefficients of an image, without a transform of it."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.representativity.indicator import Indicator

SAMPLED_LINES = 128
ISOTROPIC_RATIO = 1.3
LARGEST_BLOCK = 128


@dataclass(frozen=True)
class Lattice:
    """The lowest wave vectors of a frame: ``index`` (n, d) cycles per side, ``k2`` (n,) squared length."""

    index: NDArray[np.int64]
    k2: NDArray[np.float64]


def axis_scales(images: list[Indicator]) -> tuple[float, ...]:
    """Relative feature length along each axis (product 1), from how often neighbours differ along it.

    All 1 below a ratio of 1.3; else in steps of 0.2 in the logarithm, so that lattices can be kept.
    """
    dimensions = images[0].ndim
    share = np.zeros(dimensions)
    for image in images:
        for axis in range(dimensions):
            thin = tuple(
                slice(None)
                if other == axis or side <= 2 * SAMPLED_LINES
                else slice(None, None, side // SAMPLED_LINES)
                for other, side in enumerate(image.shape)
            )
            line = np.moveaxis(image[thin], axis, 0)
            share[axis] += np.count_nonzero(line[1:] != line[:-1]) / line.size
    length = -np.log(np.maximum(share, 1e-9))
    length -= length.mean()
    if np.ptp(length) < math.log(ISOTROPIC_RATIO):
        return (1.0,) * dimensions
    length = np.round(length / 0.2) * 0.2
    return tuple(float(scale) for scale in np.exp(length - length.mean()))


@lru_cache(maxsize=256)
def lattice(shape: tuple[int, ...], scales: tuple[float, ...], count: int) -> Lattice:
    """The ``count`` shortest wave vectors, one of each pair ±j, in a frame of ``shape`` with ``scales``."""
    unit = 2 * math.pi * np.array(scales) / np.array(shape)
    top = np.array([side // 2 - 1 for side in shape])
    radius = float(unit.max())
    while True:
        reach = np.minimum(np.floor(radius / unit).astype(int), top)
        axes = [np.arange(-n, n + 1) for n in reach[:-1]] + [np.arange(reach[-1] + 1)]
        index = np.stack([part.ravel() for part in np.meshgrid(*axes, indexing="ij")], axis=1)
        # Of ±j, the one whose last non-zero component is positive.
        leading = np.zeros(len(index), int)
        for column in index.T:
            leading = np.where(column != 0, np.sign(column), leading)
        k2 = ((index * unit) ** 2).sum(axis=1)
        wanted = (leading > 0) & (k2 <= radius**2)
        if wanted.sum() >= count or (reach == top).all():
            order = np.argsort(k2[wanted], kind="stable")[:count]
            return Lattice(index[wanted][order], k2[wanted][order])
        radius *= 1.25


def low_periodogram(image: Indicator, waves: Lattice) -> tuple[float, NDArray[np.float64]]:
    """Phase fraction, and |Σ (x − φ) exp(−2πi j·r/L)|²/V for each wave of the lattice.

    Rows are added in blocks much shorter than the shortest wave before two small matrix products; the sum
    over a block damps a wave by a known factor, which is divided out.
    """
    shape = image.shape
    highest = np.maximum(np.abs(waves.index).max(axis=0), 1)
    block = int(min(max(1, shape[0] // (16 * highest[0])), LARGEST_BLOCK))
    number = shape[0] // block
    summed = image[: number * block].reshape(number, block, *shape[1:]).sum(axis=1, dtype=np.uint8)
    rows = summed.astype(np.float32)
    centre = np.arange(number) * block + (block - 1) / 2
    size = np.full(number, block)
    rest = shape[0] - number * block
    if rest:
        rows = np.concatenate([rows, image[number * block :].sum(axis=0, dtype=np.float32)[None]])
        centre, size = np.append(centre, shape[0] - (rest + 1) / 2), np.append(size, rest)
    fraction = float(rows.sum(dtype=np.float64)) / image.size
    rows -= (fraction * size).astype(np.float32).reshape(-1, *(1,) * (len(shape) - 1))
    last = _waves(np.arange(highest[-1] + 1), np.arange(shape[-1]), shape[-1])
    flat = rows.reshape(-1, shape[-1])
    # Two real products cost half of one complex one.
    part = (flat @ last.real.T.copy() + 1j * (flat @ last.imag.T.copy())).reshape(*rows.shape[:-1], -1)
    if len(shape) == 3:
        middle = _waves(np.arange(-highest[1], highest[1] + 1), np.arange(shape[1]), shape[1])
        part = np.einsum("jy,zyk->zjk", middle, part, optimize=True)
    first = np.arange(-highest[0], highest[0] + 1)
    damping = np.sinc(first * block / shape[0]) / np.sinc(first / shape[0])
    transform = np.tensordot(_waves(first, centre, shape[0]) / damping[:, None], part, axes=(1, 0))
    place = [waves.index[:, axis] + highest[axis] for axis in range(len(shape) - 1)] + [waves.index[:, -1]]
    return fraction, np.asarray(np.abs(transform[tuple(place)]).astype(float) ** 2 / image.size)


def _waves(
    cycles: NDArray[np.int64], place: NDArray[np.float64] | NDArray[np.int64], side: int
) -> NDArray[np.complex64]:
    return np.asarray(np.exp(-2j * np.pi * np.outer(cycles, place) / side), np.complex64)
