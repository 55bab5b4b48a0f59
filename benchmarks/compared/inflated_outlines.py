"""Micrographs drawn in a way that the training pictures know nothing of: outlines, inflated and shaded.

Bodies are closed curves whose radius is a Fourier series of the angle, painted over each other from the
lowest to the highest. Each swells as a membrane does, by the distance to its outline; its shade follows from
that relief under one lamp, with a rim and a grain of its own. A lens that darkens corners, film grain and
JPEG compression end it. No shape, light, texture or noise is shared with :mod:`sim.styles` and its other
renderers, nothing is trained on these, and no constant of a segmenter was chosen by them.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from sim.styles_deposit import Field, hides_too_much, numbered

Floats = NDArray[np.float64]
HARMONICS = np.arange(2, 9)


def micrograph(seed: int, shape: tuple[int, int]) -> Field:
    """One picture (H, W) with labels; the same seed gives the same pixels."""
    rng = np.random.default_rng([seed, 8])
    radius = np.exp(rng.uniform(np.log(0.02), np.log(0.08))) * shape[1]
    spread, rough = rng.uniform(0.05, 0.35), rng.uniform(0.0, 0.06)
    closest = rng.uniform(0.6, 1.0)
    level, lamp = rng.uniform(0.1, 0.35), rng.uniform(0.0, 2.0 * np.pi)
    look = {
        "face": level + rng.uniform(0.15, 0.4),
        "lit": rng.uniform(0.05, 0.35),
        "rim": rng.uniform(0.0, 0.4),
        "grain": rng.uniform(0.0, 0.07),
        "edge": rng.uniform(0.2, 0.8),
    }
    y, x = np.mgrid[: shape[0], : shape[1]]
    across = (x * np.cos(lamp) + y * np.sin(lamp)) / shape[1]
    canvas = level * (1.0 + 0.2 * across) + 0.03 * _grain(rng, shape, radius)
    grain = _grain(rng, shape, rng.uniform(0.7, max(1.5, 0.1 * radius)))
    labels = np.zeros(shape, np.int64)
    placed: list[tuple[float, float, float]] = []
    whole = [0]
    for _ in range(min(500, int(rng.uniform(0.3, 1.0) * shape[0] * shape[1] / (np.pi * radius**2)))):
        own = radius * np.exp(rng.normal(0.0, spread))
        cx, cy = rng.uniform(0, shape[1]), rng.uniform(0, shape[0])
        if any(np.hypot(cx - u, cy - v) < closest * (own + r) - 0.3 * min(own, r) for u, v, r in placed):
            continue
        box = tuple(
            slice(max(int(at - 1.6 * own), 0), min(int(at + 1.6 * own) + 2, size))
            for at, size in zip((cy, cx), shape, strict=True)
        )
        inside = _outline(own, x[box] - cx, y[box] - cy, rough, rng)
        if inside.sum() < 40 or hides_too_much(labels, labels[box][inside], whole):
            continue
        placed.append((cx, cy, own))
        whole.append(int(inside.sum()))
        labels[box][inside] = len(whole) - 1
        shade = _shaded(inside, own, lamp, look, rng.normal(0.0, 0.03)) + look["grain"] * grain[box]
        canvas[box][inside] = shade[inside]
    return numbered(_recorded(canvas, rng), labels)


def _outline(
    radius: float, dx: Floats, dy: Floats, rough: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Where (h, w) a body with a stretched and wavy outline is."""
    angle, size = np.arctan2(dy, dx) - rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.0, 0.2)
    reach = 1.0 + size * np.cos(2.0 * angle)
    for order in HARMONICS:
        reach = reach + rough * rng.normal() / order**0.5 * np.cos(order * angle + rng.uniform(0.0, 6.28))
    return np.asarray(np.hypot(dx, dy) < radius * reach)


def _shaded(
    inside: NDArray[np.bool_], radius: float, lamp: float, look: dict[str, float], own: float
) -> Floats:
    """Grey levels (h, w) of a swollen body."""
    depth = np.minimum(ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1], radius)
    relief = ndimage.gaussian_filter(np.sqrt(depth * (2.0 * radius - depth)), 0.05 * radius + 0.5)
    slope_y, slope_x = np.gradient(relief)
    facing = (np.cos(lamp) * slope_x + np.sin(lamp) * slope_y) / np.sqrt(1.0 + slope_x**2 + slope_y**2)
    rim = np.exp(-depth / (0.04 * radius + 1.0))
    dark = look["edge"] * np.exp(-depth / 1.0)
    return np.asarray((look["face"] + own + look["lit"] * facing + look["rim"] * rim) * (1.0 - 0.5 * dark))


def _grain(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Floats:
    """Smoothed noise (H, W) of unit SD, finer and coarser together."""
    fine = ndimage.gaussian_filter(rng.standard_normal(shape), scale)
    coarse = ndimage.gaussian_filter(rng.standard_normal(shape), 3.0 * scale)
    return np.asarray((fine / fine.std() + coarse / coarse.std()) / np.sqrt(2.0))


def _recorded(canvas: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Out of focus, darker in the corners, with film grain, compressed."""
    height, width = canvas.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    seen = ndimage.gaussian_filter(canvas, rng.uniform(0.5, 1.4))
    seen *= 1.0 - rng.uniform(0.0, 0.25) * (x**2 + y**2)
    seen += rng.uniform(0.01, 0.05) * np.sqrt(np.maximum(seen, 0.0)) * rng.standard_normal(canvas.shape)
    low, high = np.percentile(seen, (0.3, 99.8))
    grey = np.asarray(np.clip((seen - low) / (high - low), 0.0, 1.0) * 255.0 + 0.5, np.uint8)
    packed = io.BytesIO()
    Image.fromarray(grey).save(packed, "JPEG", quality=int(rng.integers(50, 95)))
    return np.asarray(Image.open(packed))
