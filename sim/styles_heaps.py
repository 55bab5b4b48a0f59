"""Micrographs drawn in a third way: solids in any orientation, heaped up, bright at their edges.

Bodies are intersections of half-spaces, ellipsoids and capsules turned in space, which fall until they touch
what lies below; each has a yield of its own, as its composition would give it. An edge yields more, by the
surface's curvature (edge effect: Reimer, Scanning Electron Microscopy, 1998, §4.2.2), a hollow less, by the
part of the sky that is seen from it in eight directions, and a detector stands to one side.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sim.styles_deposit import Deposit, Field, stretched

Floats = NDArray[np.float64]
REACHES = (1, 2, 4, 8, 16, 32)
"""Distances in px at which a horizon is looked for."""


def picture(rng: np.random.Generator, shape: tuple[int, int]) -> Field:
    """One picture (H, W) of a heap of solids of one kind, with labels."""
    radius = np.exp(rng.uniform(np.log(0.02), np.log(0.08))) * shape[1]
    spread, kind = rng.uniform(0.05, 0.4), KINDS[rng.integers(len(KINDS))]
    deposit = Deposit(np.zeros(shape))
    count = int(rng.uniform(0.2, 0.9) * shape[0] * shape[1] / (np.pi * radius**2))
    for _ in range(min(count, 400)):
        own = radius * np.exp(rng.normal(0.0, spread))
        x, y = rng.uniform(0, shape[1]), rng.uniform(0, shape[0])
        box = deposit.around(x, y, 2.0 * own)
        dy, dx = np.mgrid[box]
        deposit.lay(box, *kind(own, dx - x, dy - y, rng))
    return deposit.field(_detected(deposit.surface, deposit.labels, rng))


def _detected(surface: Floats, labels: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Signal of the surface (H, W), stretched to [0, 1]."""
    smooth = ndimage.gaussian_filter(surface, 0.8)
    yields = rng.uniform(0.8, 1.0, labels.max() + 1)
    yields[0] = rng.uniform(0.15, 0.7)
    mottle = ndimage.gaussian_filter(rng.standard_normal(surface.shape), rng.uniform(0.8, 4.0))
    signal = yields[labels] * (1.0 + rng.uniform(0.0, 0.12) * mottle / mottle.std())
    edge = np.clip(-ndimage.laplace(smooth), 0.0, 1.5)
    signal *= 1.0 + rng.uniform(0.2, 0.8) * ndimage.gaussian_filter(edge, rng.uniform(0.5, 1.2))
    slope_y, slope_x = np.gradient(smooth)
    turn = rng.uniform(0.0, 2.0 * np.pi)
    facing = -(np.cos(turn) * slope_x + np.sin(turn) * slope_y) / np.sqrt(1.0 + slope_x**2 + slope_y**2)
    signal *= 1.0 + rng.uniform(0.1, 0.45) * facing
    signal *= sky(smooth) ** rng.uniform(0.4, 1.2)
    signal = ndimage.gaussian_filter(signal, rng.uniform(0.5, 1.3))
    signal += rng.uniform(0.01, 0.06) * rng.standard_normal(surface.shape)
    return stretched(signal)


def sky(surface: Floats) -> Floats:
    """Part of the sky (H, W) that is seen over the horizons in eight directions, 0 to 1."""
    seen = np.zeros_like(surface)
    padded = np.pad(surface, REACHES[-1], mode="edge")
    for down, right in ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)):
        steepest = np.zeros_like(surface)
        for reach in REACHES:
            at = REACHES[-1] + reach * down, REACHES[-1] + reach * right
            there = padded[at[0] : at[0] + surface.shape[0], at[1] : at[1] + surface.shape[1]]
            steepest = np.maximum(steepest, (there - surface) / (reach * np.hypot(down, right)))
        seen += 1.0 - steepest / np.sqrt(1.0 + steepest**2)
    return seen / 8.0


def polyhedron(radius: float, dx: Floats, dy: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A cuboid with corners cut off; bottom and top over (dx, dy), top below bottom outside."""
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    normal = np.vstack([axes, -axes, rng.normal(size=(int(rng.integers(4, 12)), 3))])
    return _between(normal, radius * rng.uniform(0.75, 1.1, len(normal)), dx, dy)


def block(radius: float, dx: Floats, dy: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A cuboid in any orientation."""
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return _between(np.vstack([axes, -axes]), np.tile(radius * rng.uniform(0.55, 1.0, 3), 2), dx, dy)


def _between(normal: Floats, distance: Floats, dx: Floats, dy: Floats) -> tuple[Floats, Floats]:
    low, high = np.full(dx.shape, -np.inf), np.full(dx.shape, np.inf)
    for (a, b, c), d in zip(normal / np.linalg.norm(normal, axis=1, keepdims=True), distance, strict=True):
        plane = (d - a * dx - b * dy) / (c if abs(c) > 1e-3 else 1e-3)
        low, high = (low, np.minimum(high, plane)) if c > 0 else (np.maximum(low, plane), high)
    return low, high


def ellipsoid(radius: float, dx: Floats, dy: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Three axes, turned in space."""
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    form = axes @ np.diag((radius * rng.uniform(0.65, 1.1, 3)) ** -2.0) @ axes.T
    a = form[2, 2]
    b = 2.0 * (form[0, 2] * dx + form[1, 2] * dy)
    c = form[0, 0] * dx**2 + form[1, 1] * dy**2 + 2.0 * form[0, 1] * dx * dy - 1.0
    root = np.sqrt(np.maximum(b**2 - 4.0 * a * c, 0.0))
    return (-b - root) / (2.0 * a), (-b + root) / (2.0 * a)


def capsule(radius: float, dx: Floats, dy: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A short rod with round ends, lying or leaning: balls along a line."""
    thick, long = radius * rng.uniform(0.5, 0.7), radius * rng.uniform(0.3, 0.9)
    turn, lean = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.0, 0.6)
    way = np.array([np.cos(turn) * np.cos(lean), np.sin(turn) * np.cos(lean), np.sin(lean)])
    low, high = np.full(dx.shape, np.inf), np.full(dx.shape, -np.inf)
    for along in np.linspace(-long, long, 25):
        square = thick**2 - (dx - along * way[0]) ** 2 - (dy - along * way[1]) ** 2
        half = np.sqrt(np.maximum(square, 0.0))
        low = np.where(square > 0, np.minimum(low, along * way[2] - half), low)
        high = np.where(square > 0, np.maximum(high, along * way[2] + half), high)
    return low, high


KINDS = (polyhedron, block, ellipsoid, capsule)
