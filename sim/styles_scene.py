"""Scenes for training pictures: bodies put down on a ground and lit, with the label of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from sim.styles_bodies import ANGLES, Body

Canvas = NDArray[np.float32]
Labels = NDArray[np.uint16]

LEAST_VISIBLE = 0.35
"""No body is put where it would leave less than this of another to be seen."""
TILE = 512


@dataclass(frozen=True)
class Placed:
    """A body at (x, y) px with its equivalent radius in px."""

    body: Body
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Look:
    """How a scene is lit; levels as a share of full scale.

    ``face`` and ``face_sd`` are the level of a face seen from above and its scatter between bodies; ``limb``
    brightens what is tilted, ``rim`` a line of ``rim_px`` along the outline; ``light`` (x, y) is the slope
    towards the detector that counts; ``texture`` and ``bump`` are the surface's contrast and its height in
    radii; ``halo`` changes the ground around a body over ``halo_px``; bodies that lie deep are darker by up
    to the share ``dim``; ``shadow_px`` (x, y) casts a shadow.
    """

    face: float
    face_sd: float
    limb: float
    rim: float
    rim_px: float
    light: tuple[float, float]
    texture: float
    bump: float
    halo: float
    halo_px: float
    dim: float
    shadow_px: tuple[float, float] = (0.0, 0.0)
    grown: bool = False
    crevice: float = 0.0
    crevice_px: float = 1.0


def noise_tile(rng: np.random.Generator, scale_px: float, kind: str) -> Canvas:
    """A periodic surface (512, 512), zero mean and unit variance, with features ``scale_px`` across.

    ``kind``: ``felt`` (a band of wavelengths), ``needles`` (along one direction), ``cells`` (a net of
    ridges), ``pits``, or ``fractal`` (all wavelengths from ``scale_px`` up).
    """
    fy, fx = fft.fftfreq(TILE)[:, None], fft.rfftfreq(TILE)[None, :]
    turn = rng.uniform(0.0, np.pi)
    u, v = fx * np.cos(turn) + fy * np.sin(turn), fy * np.cos(turn) - fx * np.sin(turn)
    long = rng.uniform(2.0, 5.0) if kind == "needles" else 1.0
    frequency = np.hypot(u * long, v) * scale_px
    if kind == "fractal":
        band = np.where(frequency > 0, np.exp(-(frequency**2)) / np.maximum(frequency, 1e-3), 0.0)
    else:
        band = frequency * np.exp(-2.0 * frequency**2)
    white = rng.standard_normal((TILE, TILE // 2 + 1, 2)).view(np.complex128)[..., 0]
    tile = fft.irfft2(white * band, s=(TILE, TILE))
    tile /= tile.std()
    if kind == "cells":
        tile = -np.minimum(np.abs(tile), 0.6)
    if kind == "pits":
        tile = -np.clip(tile - 1.0, 0.0, 1.0)
    tile -= tile.mean()
    return np.asarray(tile / max(float(tile.std()), 1e-6), np.float32)


def scatter(
    radii: NDArray[np.float64],
    shape: tuple[int, int],
    make: Callable[[np.random.Generator], Body],
    contact: float,
    rng: np.random.Generator,
) -> list[Placed]:
    """Bodies over a field (H, W) and its margin; ``contact`` is the closest approach in sums of radii."""
    height, width = shape
    margin = float(min(radii.max(initial=0.0), 0.5 * min(shape)))
    placed = np.empty((0, 3))
    out = []
    for radius in radii:
        tries = rng.uniform((-margin, -margin), (width + margin, height + margin), (40, 2))
        if len(placed):
            away = np.hypot(tries[:, None, 0] - placed[:, 0], tries[:, None, 1] - placed[:, 1])
            # Relative to the smaller of two, so that small ones may lie on large ones.
            gap = (away - np.abs(radius - placed[:, 2])) / (2.0 * np.minimum(radius, placed[:, 2]))
            free = np.flatnonzero((gap > contact).all(axis=1) | (gap < -1.2).any(axis=1) * (contact < 0.75))
            if not free.size:
                continue
            x, y = tries[free[0]]
        else:
            x, y = tries[0]
        placed = np.vstack([placed, [x, y, radius]])
        out.append(Placed(make(rng), float(x), float(y), float(radius)))
    return out


def paint(
    particles: Sequence[Placed],
    ground: Canvas,
    look: Look,
    textures: Sequence[Canvas],
    rng: np.random.Generator,
) -> tuple[Canvas, Labels, list[Placed]]:
    """Bodies over the ``ground`` (H, W), in order: the picture, its labels, and the bodies that lie in it.

    Body n of the list has label n + 1. A body that would hide too much of another is left out.
    """
    canvas = ground.copy()
    labels = np.zeros(ground.shape, np.uint16)
    summit = np.zeros(ground.shape, np.float32)
    shown: list[Placed] = []
    whole: list[int] = [0]
    for particle in particles:
        view = _window(particle, ground.shape, look)
        if view is None:
            continue
        rows, columns = view
        dx = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] + np.float32(0.5 - particle.x)
        dy = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + np.float32(0.5 - particle.y)
        turn = np.arctan2(dy, dx) * np.float32(ANGLES / (2.0 * np.pi))
        edge = particle.body.outline[np.rint(turn).astype(np.intp) % ANGLES] * np.float32(particle.radius)
        rho = np.hypot(dx, dy) / edge
        inside = rho < 1.0
        area = int(inside.sum())
        if look.grown and area:
            top = _top(particle, dx, dy, rho, rng)
            inside &= top > summit[rows, columns]
            if int(inside.sum()) < LEAST_VISIBLE * area:
                continue
        if area == 0 or _hides(labels[rows, columns][inside], whole, labels):
            continue
        shown.append(particle)
        whole.append(area)
        level = _lit(particle, dx, dy, rho, edge, look, textures, rng)
        patch = canvas[rows, columns]
        _shade_ground(patch, dx, dy, rho, edge, particle, look)
        cover = np.clip((np.float32(1.0) - rho) * edge + np.float32(0.5), 0.0, 1.0)
        if look.grown:
            cover *= top > summit[rows, columns]
            summit[rows, columns][inside] = top[inside]
        patch += cover * (level - patch)
        labels[rows, columns][inside] = len(shown)
    if look.crevice:
        canvas *= np.float32(1.0) - np.float32(look.crevice) * walled(summit, look.crevice_px)
    return canvas, labels, shown


def _top(particle: Placed, dx: Canvas, dy: Canvas, rho: Canvas, rng: np.random.Generator) -> Canvas:
    """Height in px over a window (h, w) of a body that stands on the ground or has sunk into it a little."""
    radius = np.float32(particle.radius)
    u, v = np.broadcast_arrays(dx / radius, dy / radius)
    height = particle.body.height(u, v, np.minimum(rho, np.float32(1.0)))
    return np.asarray(radius * (height + np.float32(rng.uniform(-0.2, 0.3))), np.float32)


def walled(summit: Canvas, reach_px: float) -> Canvas:
    """Share of the sky (H, W) that higher ground within ``reach_px`` hides: mean sine of the horizon."""
    hidden = np.zeros_like(summit)
    for turn in np.arange(8) * (np.pi / 4):
        steepest = np.zeros_like(summit)
        for far in reach_px * np.array([0.2, 0.5, 1.0]):
            step = (round(far * np.sin(turn)), round(far * np.cos(turn)))
            if step == (0, 0):
                continue
            rise = np.roll(summit, step, (0, 1)) - summit
            np.maximum(steepest, rise / np.float32(np.hypot(*step)), out=steepest)
        hidden += steepest / np.hypot(steepest, np.float32(1.0))
    return hidden / np.float32(8.0)


def _window(particle: Placed, shape: tuple[int, ...], look: Look) -> tuple[slice, slice] | None:
    reach = particle.radius * float(particle.body.outline.max())
    reach += 2.5 * look.halo_px + max(abs(look.shadow_px[0]), abs(look.shadow_px[1])) + 3.0
    top, bottom = max(int(particle.y - reach), 0), min(int(particle.y + reach) + 1, shape[0])
    left, right = max(int(particle.x - reach), 0), min(int(particle.x + reach) + 1, shape[1])
    return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None


def _hides(under: Labels, whole: Sequence[int], labels: Labels) -> bool:
    """Whether a body over ``under`` would leave too little of one that is there."""
    covered = np.bincount(under, minlength=len(whole))
    for number in range(1, len(whole)):
        if not covered[number]:
            continue
        left = int(np.count_nonzero(labels == number)) - int(covered[number])
        if left < LEAST_VISIBLE * whole[number]:
            return True
    return False


def _lit(
    particle: Placed,
    dx: Canvas,
    dy: Canvas,
    rho: Canvas,
    edge: Canvas,
    look: Look,
    textures: Sequence[Canvas],
    rng: np.random.Generator,
) -> Canvas:
    """Level of the surface at each place of a window (h, w)."""
    radius = np.float32(particle.radius)
    u, v = np.broadcast_arrays(dx / radius, dy / radius)
    body = particle.body.height(u, v, np.minimum(rho, np.float32(1.0)))
    texture = textures[int(rng.integers(len(textures)))]
    ox, oy = rng.integers(TILE, size=2)
    squeeze = np.float32(0.3) * np.minimum(rho, np.float32(1.2)) ** 2 + np.float32(1.0)
    surface = texture[
        (dy * squeeze).astype(np.intp) + oy & TILE - 1, (dx * squeeze).astype(np.intp) + ox & TILE - 1
    ]
    body = radius * (body + np.float32(look.bump) * surface)
    slope_y, slope_x = np.gradient(body) if min(body.shape) > 1 else (np.zeros_like(body),) * 2
    upright = 1.0 / np.sqrt(1.0 + slope_x**2 + slope_y**2)
    level = np.float32(look.face + rng.normal(0.0, look.face_sd)) * (
        1.0
        + np.float32(look.limb) * (1.0 / np.maximum(upright, np.float32(0.2)) - 1.0)
        - np.float32(look.light[0]) * slope_x * upright
        - np.float32(look.light[1]) * slope_y * upright
    )
    level += np.float32(look.texture) * surface
    if look.rim:
        level += np.float32(look.rim) * np.exp(-(((1.0 - rho) * edge / np.float32(look.rim_px)) ** 2))
    level *= np.float32(1.0 - look.dim * rng.random() ** 2)
    return np.asarray(np.maximum(level, np.float32(0.0)), np.float32)


def _shade_ground(
    patch: Canvas, dx: Canvas, dy: Canvas, rho: Canvas, edge: Canvas, particle: Placed, look: Look
) -> None:
    """Darken (or light up) what lies around a body, in place."""
    if look.halo:
        gap = np.maximum(rho - np.float32(1.0), np.float32(0.0)) * edge
        patch *= np.float32(1.0) + np.float32(look.halo) * np.exp(-gap / np.float32(look.halo_px))
    sx, sy = look.shadow_px
    if sx or sy:
        turn = np.arctan2(dy - np.float32(sy), dx - np.float32(sx)) * np.float32(ANGLES / (2.0 * np.pi))
        far = particle.body.outline[np.rint(turn).astype(np.intp) % ANGLES] * np.float32(particle.radius)
        depth = np.clip(far - np.hypot(dx - np.float32(sx), dy - np.float32(sy)), 0.0, 2.0) / 2.0
        patch *= np.float32(1.0) - np.float32(0.55) * depth


def recorded(
    canvas: Canvas, *, blur_px: float, noise: float, stripes: float, rng: np.random.Generator
) -> Canvas:
    """What a column and a detector make of a scene: charging, blur, vignetting, tone, noise; in [0, 1]."""
    height, width = canvas.shape
    image = canvas
    if stripes:
        # Bright lines discharge slowly: a tail along the scan, and a level that wanders from line to line.
        tail = ndimage.uniform_filter1d(image, max(3, width // 6), axis=1, origin=0)
        drift = ndimage.gaussian_filter1d(rng.standard_normal(height), 2.0)[:, None]
        image = image - np.float32(stripes) * (tail - image.mean()) + np.float32(0.3 * stripes * drift)
    image = ndimage.gaussian_filter(image, blur_px, truncate=3.0)
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    fall = rng.uniform(0.0, 0.12) * (x**2 + y**2) + rng.normal(0.0, 0.05) * x + rng.normal(0.0, 0.05) * y
    image = np.clip(image * (1.0 - fall), 0.0, 1.2)
    image = image ** rng.uniform(0.75, 1.35)
    grain = rng.standard_normal(image.shape) * noise * np.sqrt(0.3 + image)
    if rng.random() < 0.2:
        grain = ndimage.gaussian_filter(grain, 0.6) * 1.8
    return np.asarray(np.clip(image + grain, 0.0, 1.0), np.float32)
