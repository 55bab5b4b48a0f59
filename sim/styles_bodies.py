"""Bodies of particles for training pictures: an outline that is known exactly, and a surface over it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ANGLES = 720
THETA = np.linspace(0.0, 2.0 * np.pi, ANGLES, endpoint=False)


@dataclass(frozen=True)
class Body:
    """One particle of unit equivalent radius.

    ``outline`` (720,) is the radius over even angles, the same seen from the centre in every direction once
    (star-shaped); ``height(u, v, rho)`` is the surface above the place (u, v), both in units of the radius,
    where rho is the distance from the centre in units of the outline.
    """

    outline: Floats
    height: Callable[[Floats, Floats, Floats], Floats]

    @property
    def sphericity(self) -> float:
        """4πA/P² of the outline."""
        area, perimeter = _area_perimeter(self.outline)
        return 4.0 * np.pi * area / perimeter**2


def _area_perimeter(radius: NDArray[np.floating]) -> tuple[float, float]:
    x, y = radius * np.cos(THETA), radius * np.sin(THETA)
    area = 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    return area, float(np.hypot(np.roll(x, -1) - x, np.roll(y, -1) - y).sum())


def _unit(radius: NDArray[np.float64]) -> tuple[Floats, float]:
    """The outline scaled to unit equivalent radius, and the factor."""
    factor = 1.0 / np.sqrt(_area_perimeter(radius)[0] / np.pi)
    return np.asarray(radius * factor, np.float32), float(factor)


def _dome(power: float, depth: float) -> Callable[[Floats, Floats, Floats], Floats]:
    """A cap: 2 is a sphere's, more is flatter with steeper flanks."""

    def height(u: Floats, v: Floats, rho: Floats) -> Floats:
        return np.asarray(depth * np.clip(1.0 - rho**power, 0.0, 1.0) ** (1.0 / power), np.float32)

    return height


def _waves(rng: np.random.Generator, amplitude: float, slope: float, last: int = 9) -> NDArray[np.float64]:
    """Random smooth deviation from 1 with SD about ``amplitude``, falling as k^-slope."""
    k = np.arange(2, last)
    size = rng.normal(size=k.size) / k**slope
    size *= amplitude * np.sqrt(2.0) / max(float(np.sqrt((size**2).sum())), 1e-9)
    phase = rng.uniform(0.0, 2.0 * np.pi, k.size)
    return np.asarray(1.0 + (size[:, None] * np.cos(k[:, None] * THETA + phase[:, None])).sum(axis=0))


def lump(rng: np.random.Generator) -> Body:
    """A roundish agglomerate with bulges."""
    outline, _ = _unit(np.clip(_waves(rng, rng.gamma(2.0, 0.025), 1.1), 0.5, 1.6))
    return Body(outline, _dome(rng.uniform(1.8, 3.0), rng.uniform(0.6, 1.0)))


def sphere(rng: np.random.Generator) -> Body:
    """A drop: round, or drawn out a little."""
    stretch = 1.0 + rng.exponential(0.06)
    turned = THETA + rng.uniform(0.0, np.pi)
    ellipse = 1.0 / np.hypot(np.cos(turned) / stretch, np.sin(turned) * stretch)
    outline, _ = _unit(ellipse * _waves(rng, rng.exponential(0.006), 1.5, 6))
    return Body(outline, _dome(2.0, 1.0))


def cluster(rng: np.random.Generator) -> Body:
    """Many small spheres grown together about one, as a cauliflower."""
    count = int(rng.integers(8, 40))
    size = rng.uniform(0.22, 0.5)
    angle = rng.uniform(0.0, 2.0 * np.pi, count)
    away = rng.uniform(0.3, 1.05 - 0.5 * size, count)
    x, y = away * np.cos(angle), away * np.sin(angle)
    r = size * rng.uniform(0.7, 1.2, count)
    x, y, r = np.append(x, 0.0), np.append(y, 0.0), np.append(r, rng.uniform(0.75, 0.95))
    # Farthest crossing of each direction's ray with each circle.
    along = x[:, None] * np.cos(THETA) + y[:, None] * np.sin(THETA)
    across = y[:, None] * np.cos(THETA) - x[:, None] * np.sin(THETA)
    inside = r[:, None] ** 2 - across**2
    reach = np.where(inside > 0, along + np.sqrt(np.maximum(inside, 0.0)), 0.0)
    outline, factor = _unit(reach.max(axis=0))
    x, y, r = x * factor, y * factor, r * factor
    base = np.sqrt(np.maximum(1.0 - (x**2 + y**2) / 1.3, 0.0)) * 0.7

    def height(u: Floats, v: Floats, rho: Floats) -> Floats:
        top = np.zeros(u.shape, np.float32)
        for cx, cy, radius, up in zip(x, y, r, base, strict=True):
            square = np.float32(radius**2) - (u - np.float32(cx)) ** 2 - (v - np.float32(cy)) ** 2
            np.maximum(top, np.sqrt(np.maximum(square, 0.0)) + np.float32(up) * (square > 0), out=top)
        return top

    return Body(outline, height)


def crystal(rng: np.random.Generator) -> Body:
    """A convex polyhedron lying on a face: flanks and a top, all planes."""
    sides = int(rng.integers(4, 9))
    turn = (np.arange(sides) + rng.uniform(-0.25, 0.25, sides)) * (2.0 * np.pi / sides)
    turn += rng.uniform(0.0, 2.0 * np.pi)
    far = rng.uniform(0.75, 1.2, sides)
    facing = np.cos(THETA - turn[:, None])
    reach = np.where(facing > 0.05, far[:, None] / np.maximum(facing, 0.05), np.inf).min(axis=0)
    outline, factor = _unit(np.minimum(reach, 1.8))
    far = far * factor
    steep = rng.uniform(0.5, 3.0, sides)
    upper = rng.uniform(0.3, 0.9)
    lean = rng.normal(0.0, 0.12, 2)

    def height(u: Floats, v: Floats, rho: Floats) -> Floats:
        top = np.float32(upper) + np.float32(lean[0]) * u + np.float32(lean[1]) * v
        for angle, distance, slope in zip(turn, far, steep, strict=True):
            edge = np.float32(distance) - u * np.float32(np.cos(angle)) - v * np.float32(np.sin(angle))
            top = np.minimum(top, np.float32(slope) * edge)
        return np.maximum(top, np.float32(0.0))

    return Body(outline, height)


def disc(rng: np.random.Generator) -> Body:
    """A flat plate, round or hexagonal, seen under some tilt."""
    tilt = rng.uniform(0.35, 1.0) if rng.random() < 0.6 else 1.0
    turned = THETA + rng.uniform(0.0, np.pi)
    stretched = np.arctan2(np.sin(turned) / tilt, np.cos(turned))
    ellipse = 1.0 / np.hypot(np.cos(turned), np.sin(turned) / tilt)
    if rng.random() < 0.4:
        sector = np.mod(stretched + rng.uniform(0, 1), np.pi / 3) - np.pi / 6
        ellipse = ellipse * (0.9 / np.cos(sector))
    outline, _ = _unit(ellipse * _waves(rng, rng.exponential(0.01), 1.2))
    bevel, thick = rng.uniform(0.03, 0.15), rng.uniform(0.05, 0.25)

    def height(u: Floats, v: Floats, rho: Floats) -> Floats:
        return np.asarray(thick * np.clip((1.0 - rho) / bevel, 0.0, 1.0), np.float32)

    return Body(outline, height)


def rod(rng: np.random.Generator) -> Body:
    """A rod with round ends, two to five times as long as wide."""
    half, turn = rng.uniform(1.0, 4.0), rng.uniform(0.0, np.pi)
    # A capsule of unit half-width: straight flanks, then the caps.
    c, s = np.abs(np.cos(THETA - turn)), np.abs(np.sin(THETA - turn))
    flank = 1.0 / np.maximum(s, 1e-6)
    cap = half * c + np.sqrt(np.maximum(1.0 - (half * s) ** 2, 0.0))
    outline, factor = _unit(np.where(flank * c <= half, flank, cap))
    wide, long = np.float32(factor), np.float32(half * factor)
    ex, ey = np.float32(np.cos(turn)), np.float32(np.sin(turn))

    def height(u: Floats, v: Floats, rho: Floats) -> Floats:
        along = u * ex + v * ey
        across = v * ex - u * ey
        beyond = np.maximum(np.abs(along) - long, np.float32(0.0))
        return np.asarray(np.sqrt(np.maximum(wide**2 - across**2 - beyond**2, 0.0)), np.float32)

    return Body(outline, height)


def stone(rng: np.random.Generator) -> Body:
    """A worn cobble: a superellipse with a rough coast."""
    power = rng.uniform(1.6, 4.0)
    stretch = rng.uniform(1.0, 1.25)
    turned = THETA + rng.uniform(0.0, np.pi)
    coast = (np.abs(np.cos(turned) / stretch) ** power + np.abs(np.sin(turned) * stretch) ** power) ** (
        -1.0 / power
    )
    outline, _ = _unit(coast * _waves(rng, 0.02, 0.8, 24))
    return Body(outline, _dome(rng.uniform(2.0, 4.0), rng.uniform(0.4, 0.9)))
