"""Micrographs drawn in another way: solids on a stub, seen by their slopes.

Where :mod:`sim.styles` lays lit outlines over each other, here is one surface: the highest of all solids at
each place. Secondary electrons leave it as 1/cos of its tilt (Reimer, Scanning Electron Microscopy, 1998,
§4.2), fewer from where higher ground stands around, and are counted (Poisson).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sim.styles_deposit import Deposit, Field, stretched

Floats = NDArray[np.float64]
STEEPEST = 0.12
"""Least cosine of the tilt: flanks steeper than that yield no more, since electrons leave through them."""


def picture(rng: np.random.Generator, shape: tuple[int, int]) -> Field:
    """One picture (H, W) of solids of one kind, with labels."""
    radius = np.exp(rng.uniform(np.log(0.02), np.log(0.07))) * shape[1]
    kind = KINDS[rng.integers(len(KINDS))]
    surface = radius * rng.uniform(0.02, 0.15) * _rough(rng, shape, radius * rng.uniform(0.5, 3.0))
    relief = rng.uniform(0.0, 0.05) * _rough(rng, shape, max(1.5, radius * rng.uniform(0.05, 0.3)))
    deposit = Deposit(surface)
    count = int(rng.uniform(0.2, 0.9) * shape[0] * shape[1] / (np.pi * radius**2))
    for _ in range(min(count, 400)):
        own = radius * np.exp(rng.normal(0.0, 0.2))
        x, y = rng.uniform(0, shape[1]), rng.uniform(0, shape[0])
        box = deposit.around(x, y, 2.0 * own)
        dy, dx = np.mgrid[box]
        height = kind(own, dx - x, dy - y, rng)
        # Its underside mirrors its top, which it stays below where the body is thin.
        bottom = np.minimum(height.max() - height, height - 1.0)
        deposit.lay(box, bottom, height + own * relief[box], sunk=own * rng.uniform(0.0, 0.4))
    return deposit.field(_detected(deposit.surface, deposit.labels, radius, rng))


def _detected(surface: Floats, labels: NDArray[np.int64], radius: float, rng: np.random.Generator) -> Floats:
    """Counts of electrons over the surface (H, W), stretched to [0, 1]."""
    slope_y, slope_x = np.gradient(ndimage.gaussian_filter(surface, 0.6))
    upright = np.maximum(1.0 / np.sqrt(1.0 + slope_x**2 + slope_y**2), STEEPEST)
    turn = rng.uniform(0.0, 2.0 * np.pi)
    towards = 1.0 - rng.uniform(0.0, 0.5) * (np.cos(turn) * slope_x + np.sin(turn) * slope_y) * upright
    yields = np.where(labels > 0, 1.0, rng.uniform(0.3, 0.8)) * upright ** -rng.uniform(0.7, 1.2) * towards
    above = np.maximum(ndimage.gaussian_filter(surface, 0.6 * radius) - surface, 0.0) / radius
    rate = np.maximum(yields, 0.05) * np.exp(-rng.uniform(0.8, 2.5) * above)
    rate = ndimage.gaussian_filter(rate, rng.uniform(0.6, 1.6))
    counted = rng.poisson(rate * rng.uniform(15.0, 150.0)).astype(float)
    return stretched(counted)


def _rough(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Floats:
    """Smoothed noise (H, W) of unit SD."""
    field = ndimage.gaussian_filter(rng.standard_normal(shape), scale)
    return np.asarray(field / field.std())


def _turned(dx: Floats, dy: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    turn = rng.uniform(0.0, np.pi)
    return dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)


def ellipsoid(radius: float, dx: Floats, dy: Floats, rng: np.random.Generator) -> Floats:
    """Three axes that differ by up to a third."""
    axes = radius * np.exp(rng.uniform(-0.15, 0.15, 3))
    u, v = _turned(dx, dy, rng)
    square = 1.0 - (u / axes[0]) ** 2 - (v / axes[1]) ** 2
    return np.where(square > 0, axes[2] * (1.0 + np.sqrt(np.maximum(square, 0.0))), -np.inf)


def potato(radius: float, dx: Floats, dy: Floats, rng: np.random.Generator) -> Floats:
    """Three balls that have grown into one."""
    level = np.zeros(np.broadcast_shapes(dx.shape, dy.shape))
    for _ in range(3):
        (cx, cy), size = rng.normal(0.0, 0.3, 2) * radius, radius * rng.uniform(0.6, 1.0)
        level += np.exp(-2.0 * ((dx - cx) ** 2 + (dy - cy) ** 2) / size**2)
    rise = level - 0.4
    return np.where(rise > 0, radius * (0.7 + 1.1 * np.sqrt(np.maximum(rise, 0.0))), -np.inf)


def cuboid(radius: float, dx: Floats, dy: Floats, rng: np.random.Generator) -> Floats:
    """A block lying on a face or leaning, its edges worn."""
    u, v = _turned(dx, dy, rng)
    a, b = radius * np.exp(rng.uniform(-0.3, 0.1, 2))
    worn = (np.abs(u) / a) ** 6 + (np.abs(v) / b) ** 6
    lean = rng.normal(0.0, 0.25, 2)
    return np.where(worn < 1, radius * 1.2 * (1.0 - 0.3 * worn) + lean[0] * u + lean[1] * v, -np.inf)


def berry(radius: float, dx: Floats, dy: Floats, rng: np.random.Generator) -> Floats:
    """A ball of grains, as precursor agglomerates are."""
    core = radius**2 - dx**2 - dy**2
    top = np.where(core > 0, radius + np.sqrt(np.maximum(core, 0.0)), -np.inf)
    way = rng.normal(size=(60, 3))
    way *= radius / np.linalg.norm(way, axis=1, keepdims=True)
    for cx, cy, cz in way[way[:, 2] > -0.3 * radius]:
        square = (0.3 * radius) ** 2 - (dx - cx) ** 2 - (dy - cy) ** 2
        grain = np.where(square > 0, radius + cz + np.sqrt(np.maximum(square, 0.0)), -np.inf)
        top = np.maximum(top, grain)
    return np.asarray(top)


KINDS = (ellipsoid, potato, cuboid, berry)
