"""Secondary-electron contrast and the imperfections of a real column and detector."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sim.agglomerates import OUTLINE_POINTS, Agglomerate

Canvas = NDArray[np.float32]


def paint(
    particles: Sequence[Agglomerate],
    *,
    shape: tuple[int, int],
    pixel_um: float,
    relief: NDArray[np.float32],
    relief_gain: float,
    rng: np.random.Generator,
) -> tuple[Canvas, NDArray[np.uint16]]:
    """Paint particles over the stub; gives intensities (H, W) around 0–1 and labels of what is visible.

    ``relief`` is periodic at the pixel size of the image. Yield rises as 1/cos of the tilt towards the limb
    (edge effect) and neighbours shade the stub and each other where they nearly touch.
    """
    height, width = shape
    canvas = np.full(shape, 0.16, dtype=np.float32)
    # The carbon tape is not flat: a faint, large-scale mottle.
    coarse = rng.standard_normal((height // 40 + 2, width // 40 + 2)).astype(np.float32)
    canvas += 0.012 * ndimage.zoom(coarse, 41, order=1)[:height, :width]
    labels = np.zeros(shape, dtype=np.uint16)
    size = relief.shape[0]
    for number, particle in enumerate(particles, start=1):
        radius = particle.radius / pixel_um
        cx, cy = particle.x / pixel_um, particle.y / pixel_um
        reach = radius * max(float(particle.outline.max()), 1.0) * 1.22 + 2
        x0, x1 = max(int(cx - reach), 0), min(int(cx + reach) + 1, width)
        y0, y1 = max(int(cy - reach), 0), min(int(cy + reach) + 1, height)
        if x0 >= x1 or y0 >= y1:
            continue
        dx = (np.arange(x0, x1, dtype=np.float32) + np.float32(0.5 - cx))[None, :]
        dy = (np.arange(y0, y1, dtype=np.float32) + np.float32(0.5 - cy))[:, None]
        distance = np.sqrt(dx * dx + dy * dy)
        turn = np.arctan2(dy, dx) * np.float32(OUTLINE_POINTS / (2 * np.pi)) + np.float32(OUTLINE_POINTS)
        low = turn.astype(np.int32)
        part = turn - low
        form = particle.outline
        edge = form[low % OUTLINE_POINTS] * (1 - part) + form[(low + 1) % OUTLINE_POINTS] * part
        rho = distance / (edge * np.float32(radius))
        view = canvas[y0:y1, x0:x1]
        inside = rho < 1.0
        shade = np.exp(-(((rho - 1.0) / 0.10) ** 2))
        view *= np.where(inside, 1.0, 1.0 - 0.45 * shade)

        tilt = np.sqrt(np.clip(1.0 - rho * rho, 0.02, 1.0))
        own = np.random.default_rng(particle.seed)
        ox, oy = own.integers(size, size=2)
        # Foreshortening: the same surface is squeezed towards the limb.
        stretch = 1.0 + 0.35 * rho * rho
        u = (dx * stretch).astype(np.int32) + ox
        v = (dy * stretch).astype(np.int32) + oy
        surface = relief[v % size, u % size]
        light = np.float32(own.normal(0.0, 0.025)) - 0.06 * dy / np.float32(radius)
        intensity = 0.40 + light + 0.055 * (1.0 / tilt - 1.0) + relief_gain * surface * (0.4 + 0.6 * tilt)
        # A one-pixel ramp at the outline: what an ideal probe of one pixel would record.
        cover = np.clip((1.0 - rho) * edge * np.float32(radius) + 0.5, 0.0, 1.0)
        view += cover * (intensity - view)
        labels[y0:y1, x0:x1][inside] = number
    return canvas, labels


def record(canvas: Canvas, *, focus_px: float, dose: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Record a canvas as the detector would: defocus, vignetting, gain and offset drift, shot noise, 8 bit.

    ``focus_px`` is the SD of the probe in pixels, ``dose`` the electrons per pixel at intensity 1.
    """
    height, width = canvas.shape
    image = ndimage.gaussian_filter(canvas, focus_px) if focus_px > 0 else canvas.copy()
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    image *= 1.0 - 0.05 * (x * x + y * y)
    image = image * np.float32(rng.normal(1.0, 0.04)) + np.float32(rng.normal(0.03, 0.01))
    image = np.clip(image, 0.0, None)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image += noise * np.sqrt(image / dose + 1e-5)
    return np.asarray(np.clip(image * 255.0 + 0.5, 0, 255), dtype=np.uint8)
