"""Random two-phase structures whose expected phase fraction is known exactly, to test intervals on.

Each is stationary, most are made on a torus; cut a window that is its ``margin`` smaller than the torus, so
that opposite edges of the window know nothing of each other.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage, signal, spatial
from scipy.special import ndtri

Shape = tuple[int, ...]
Floats = NDArray[np.float32]
Image = NDArray[np.uint8]
Grain = NDArray[np.int64]
"""Offsets (n, d) in px of the pixels of one grain."""


@dataclass(frozen=True)
class Family:
    """A kind of structure: its expected ``fraction``, and ``draw(rng, shape)`` of 0/1 images of it."""

    name: str
    fraction: float
    draw: Callable[[np.random.Generator, Shape], Image]
    margin: int = 130
    dimensions: int = 2


@lru_cache(maxsize=2)
def wave_numbers(shape: Shape) -> Floats:
    """|k| in radians per px on the grid of a real transform."""
    axes = [fft.fftfreq(n) for n in shape[:-1]] + [fft.rfftfreq(shape[-1])]
    squares = [np.square(2 * np.pi * axis, dtype=np.float64) for axis in axes]
    total = squares[-1]
    for square in reversed(squares[:-1]):
        total = square.reshape(-1, *(1,) * total.ndim) + total
    return np.asarray(np.sqrt(total), np.float32)


def gaussian_field(
    rng: np.random.Generator, shape: Shape, spectrum: Callable[[Floats], NDArray[np.floating]]
) -> Floats:
    """Gaussian random field of mean 0 and variance 1 with the power ``spectrum`` of |k|."""
    power = np.asarray(spectrum(wave_numbers(shape)), np.float32)
    # Of a pair of conjugate coefficients only one is held, but for the first and last column.
    pairs = np.full(power.shape[-1], 2.0)
    pairs[0] = 1.0
    pairs[-1] = 1.0 if shape[-1] % 2 == 0 else 2.0
    variance = float((power * pairs).sum(dtype=np.float64)) / math.prod(shape)
    white = fft.rfftn(rng.standard_normal(shape, dtype=np.float32), overwrite_x=True)
    white *= np.sqrt(power / variance)
    return np.asarray(fft.irfftn(white, s=shape, overwrite_x=True), np.float32)


def smooth(length: float) -> Callable[[Floats], Floats]:
    """Spectrum of white noise smoothed by a Gaussian of SD ``length`` px."""
    return lambda k: np.exp(-np.square(k * np.float32(length)))


def level_cut(name: str, fraction: float, spectrum: Callable[[Floats], Floats]) -> Family:
    """A Gaussian field above a level."""
    level = float(ndtri(1 - fraction))
    return Family(name, fraction, lambda rng, shape: _image(gaussian_field(rng, shape, spectrum) > level))


def sheets(fraction: float, length: float) -> Family:
    """Where a Gaussian field is near zero: curved walls that meet."""
    level = float(ndtri((1 + fraction) / 2))
    return Family(
        "sheets", fraction, lambda rng, shape: _image(abs(gaussian_field(rng, shape, smooth(length))) < level)
    )


def spots(fraction: float, length: float) -> Family:
    """Where the sum of two squared Gaussian fields is high (χ² of 2 degrees of freedom)."""
    level = -2 * math.log(fraction)

    def draw(rng: np.random.Generator, shape: Shape) -> Image:
        first, second = (gaussian_field(rng, shape, smooth(length)) for _ in range(2))
        return _image(first**2 + second**2 > level)

    return Family("spots (χ² field)", fraction, draw)


def spinodal(fraction: float, wave_px: float, spread: float = 0.15) -> Family:
    """A Gaussian field of nearly one wave length above a level: the pattern of spinodal decomposition."""
    centre = 2 * math.pi / wave_px
    return level_cut("spinodal", fraction, lambda k: np.exp(-0.5 * np.square((k / centre - 1) / spread)))


def two_scales(length: float, dense: Family, thin: Family) -> Family:
    """Regions of one structure in another: dense and thin domains."""

    def draw(rng: np.random.Generator, shape: Shape) -> Image:
        inside = gaussian_field(rng, shape, smooth(length)) > 0
        return np.where(inside, dense.draw(rng, shape), thin.draw(rng, shape))

    return Family("dense and thin domains", (dense.fraction + thin.fraction) / 2, draw)


def disc(*semi_axes: float, hollow: float = 0.0) -> Grain:
    """Pixels of an ellipse (ellipsoid) of these semi-axes, without those of one ``hollow`` times as large."""
    reach = [math.ceil(one) for one in semi_axes]
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), -1)
    square = np.square(grid / np.array(semi_axes)).sum(-1)
    return np.argwhere((square < 1) & (square >= hollow**2)) - reach


def stick(length: float, width: float, angle: float) -> Grain:
    """Pixels of a bar."""
    reach = math.ceil(length / 2 + width)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    return np.argwhere((abs(along) < length / 2) & (abs(across) < width / 2)) - reach


def boolean(name: str, fraction: float, grains: Sequence[Grain]) -> Family:
    """Grains at random places, overlapping as they will (the Boolean model), all kinds equally often."""
    mean = float(np.mean([len(grain) for grain in grains]))
    intensity = -math.log1p(-fraction) / mean

    def draw(rng: np.random.Generator, shape: Shape) -> Image:
        image = np.zeros(shape, np.uint8)
        for grain in grains:
            _paint(image, _points(rng, shape, intensity / len(grains)), grain)
        return image

    return Family(name, fraction, draw)


def hard_core(distance: float, radius: float, density: float) -> Family:
    """Discs that keep their distance (Matérn's second hard-core model)."""
    ball, grain = disc(distance, distance), disc(radius, radius)
    intensity = density / len(ball)
    kept = (1 - math.exp(-density)) / len(ball)

    def draw(rng: np.random.Generator, shape: Shape) -> Image:
        points = _points(rng, shape, intensity)
        mark = rng.random(len(points))
        alive = np.ones(len(points), bool)
        # Just under the distance: pixels count as near where the ball's pixels are.
        pairs = spatial.cKDTree(points, boxsize=shape).query_pairs(distance - 1e-6, output_type="ndarray")
        first, second = pairs.T
        alive[np.where(mark[first] > mark[second], first, second)] = False
        image = np.zeros(shape, np.uint8)
        _paint(image, points[alive], grain)
        return image

    return Family("hard-core discs", kept * len(grain), draw)


def clusters(name: str, fraction: float, radius: float, spread: Grain, members: float) -> Family:
    """Discs in clusters: each of Poisson-many ``members`` at a place of its own within ``spread``."""
    grain = disc(radius, radius)
    reach = int(abs(spread).max()) + int(abs(grain).max()) + 1
    place, member = np.zeros((2, 2 * reach + 1, 2 * reach + 1))
    place[tuple((spread + reach).T)] = 1 / len(spread)
    member[tuple((grain + reach).T)] = 1
    # Probability that a member covers a pixel, by where its cluster is.
    covering = signal.fftconvolve(place, member)
    intensity = -math.log1p(-fraction) / float((1 - np.exp(-members * covering)).sum())

    def draw(rng: np.random.Generator, shape: Shape) -> Image:
        centres = _points(rng, shape, intensity)
        of = np.repeat(centres, rng.poisson(members, len(centres)), axis=0)
        image = np.zeros(shape, np.uint8)
        _paint(image, of + spread[rng.integers(len(spread), size=len(of))], grain)
        return image

    return Family(name, fraction, draw)


def voronoi(fraction: float, cell: float) -> Family:
    """Cells of random points, each one phase or the other: grains of an alloy."""

    def draw(rng: np.random.Generator, shape: Shape) -> Image:
        pad = math.ceil(4 * cell)
        points = _points(rng, shape, cell ** -len(shape))
        seeds, solid = np.ones(shape, bool), np.zeros(shape, np.uint8)
        seeds[tuple(points.T)] = False
        solid[tuple(points.T)] = rng.random(len(points)) < fraction
        nearest = ndimage.distance_transform_edt(
            np.pad(seeds, pad, mode="wrap"), return_distances=False, return_indices=True
        )
        inner = nearest[(slice(None), *(slice(pad, pad + n) for n in shape))]
        return np.asarray(solid[tuple((inner[a] - pad) % n for a, n in enumerate(shape))], np.uint8)

    return Family("Voronoi cells", fraction, draw)


def leaves(fraction: float, shortest: int, longest: int) -> Family:
    """Rectangles dropped on each other, each one phase or the other (dead leaves)."""

    def draw(rng: np.random.Generator, shape: Shape) -> Image:
        area = ((shortest + longest) / 2) ** len(shape)
        # So many that the chance of a bare pixel anywhere is small.
        number = int((math.log(math.prod(shape)) + 2) * math.prod(n + longest for n in shape) / area)
        corner = rng.integers(-longest, np.array(shape), size=(number, len(shape)))
        end = np.maximum(corner + rng.integers(shortest, longest + 1, size=corner.shape), 0)
        solid = (rng.random(number) < fraction).astype(np.uint8)
        image = (rng.random(shape) < fraction).astype(np.uint8)
        for low, high, colour in zip(np.maximum(corner, 0).tolist(), end.tolist(), solid, strict=True):
            image[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = colour
        return image

    return Family("dropped rectangles", fraction, draw, margin=0)


def line_mosaic(fraction: float, chord: float) -> Family:
    """Cells between random straight lines, each one phase or the other."""

    def draw(rng: np.random.Generator, shape: Shape) -> Image:
        radius = math.hypot(*shape) / 2
        number = rng.poisson(math.pi * radius / chord)
        y, x = (np.arange(n, dtype=np.float32) - n / 2 for n in shape)
        cell = np.zeros(shape, np.uint32)
        for angle, offset in zip(
            rng.uniform(0, math.pi, number), rng.uniform(-radius, radius, number), strict=True
        ):
            along = np.float32(math.cos(angle)) * x + np.float32(-offset)
            beyond = along[None, :] > -np.float32(math.sin(angle)) * y[:, None]
            np.bitwise_xor(cell, np.uint32(rng.integers(2**32)), out=cell, where=beyond)
        return _image(cell < fraction * 2**32)

    return Family("line mosaic", fraction, draw, margin=0)


def _image(solid: NDArray[np.bool_]) -> Image:
    return solid.view(np.uint8)


def _points(rng: np.random.Generator, shape: Shape, intensity: float) -> NDArray[np.int64]:
    number = rng.poisson(intensity * math.prod(shape))
    return rng.integers(0, np.array(shape), size=(number, len(shape)))


def _paint(image: Image, points: NDArray[np.int64], grain: Grain, at_once: int = 1_000_000) -> None:
    """Set the pixels of a grain at each point, on a torus."""
    step = max(1, at_once // len(grain))
    for first in range(0, len(points), step):
        place = points[first : first + step, None, :] + grain
        image[tuple(place[..., axis] % side for axis, side in enumerate(image.shape))] = 1
