"""Secondary-electron contrast and the imperfections of a real column and detector."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from sim.agglomerates import OUTLINE_POINTS, Agglomerate
from sim.charging import charge
from sim.primaries import LIGHT
from sim.scanning import Path

Canvas = NDArray[np.float32]

ANGLES = 4096
RADII = 512
"""Entries of the tables over the angle, and over the distance from the centre in units of the outline."""
COARSEST_FRAY = 24
"""Waves around an outline from which on primaries move it; what is longer belongs to the agglomerate."""
HALO = 1.25
"""How far a particle shades the ground, in units of its outline."""
BAND_PX = 40_000
"""Pixels painted at a time: what is computed of them stays in the processor's cache."""


def paint(
    particles: Sequence[Agglomerate],
    *,
    shape: tuple[int, int],
    pixel_um: float,
    relief: Canvas,
    relief_gain: float,
    roughness_px: float,
    path: Path,
    rng: np.random.Generator,
) -> tuple[Canvas, NDArray[np.uint16]]:
    """Paint particles over the stub; gives intensities (H, W) around 0–1 and labels of what is visible.

    ``relief`` is periodic at the pixel size of the image, its side a power of two; it moves the outline by
    ``roughness_px`` (SD), so that primaries stand out of it. Yield rises as 1/cos of the tilt towards the
    limb (edge effect), the flanks of lumps are lit from where the detector stands, and particles shade the
    stub and each other where they nearly touch. The beam is where ``path`` says, for the labels too.
    """
    height, width = shape
    # The carbon tape is not flat: a faint, large-scale mottle.
    canvas = np.float32(0.16) + np.float32(0.012) * mottle(shape, 41, rng)
    labels = np.zeros(shape, dtype=np.uint16)
    size = relief.shape[0]
    surface = relief.ravel()
    rho = np.arange(RADII, dtype=np.float32) * np.float32(HALO / (RADII - 1))
    tilt = np.sqrt(np.clip(1.0 - rho * rho, 0.02, 1.0))
    shade = np.where(rho < 1.0, 1.0, 1.0 - 0.45 * np.exp(-(((rho - 1.0) / 0.10) ** 2))).astype(np.float32)
    level = (0.055 * (1.0 / tilt - 1.0)).astype(np.float32)
    gain = (relief_gain * (0.4 + 0.6 * tilt)).astype(np.float32)
    to_radius = np.float32((RADII - 1) / HALO)
    to_angle = np.float32(ANGLES / (2.0 * np.pi))
    x, y = (np.arange(side, dtype=np.float32) + np.float32(0.5) for side in (width, height))
    for number, particle in enumerate(particles, start=1):
        radius = particle.radius / pixel_um
        cx, cy = particle.x / pixel_um, particle.y / pixel_um
        reach = radius * max(float(particle.outline.max()), 1.0) * HALO + 4
        x0, x1 = max(int(cx - reach), 0), min(int(cx + reach) + 1, width)
        y0, y1 = max(int(cy - reach), 0), min(int(cy + reach) + 1, height)
        if x0 >= x1 or y0 >= y1:
            continue
        own = np.random.default_rng(particle.seed)
        ox, oy = own.integers(size, size=2)
        edge, light = _form(particle, radius, roughness_px * relief[oy])
        base = np.float32(0.40 + own.normal(0.0, 0.025))
        rough = np.float32(0.4 * roughness_px / radius)
        ramp = np.float32(radius)
        for rows in _bands(y0, y1, x1 - x0):
            dx = x[None, x0:x1] + (path.x[rows] - np.float32(cx))
            dy = y[rows, None] + (path.y[rows] - np.float32(cy))
            angle = (np.arctan2(dy, dx) * to_angle).astype(np.intp)
            square = dx * dx + dy * dy
            squared = square * edge[angle]
            # Foreshortening: the same surface is squeezed towards the limb.
            stretch = np.float32(0.35) * squared + np.float32(1.0)
            u = (dx * stretch).astype(np.intp)
            v = (dy * stretch).astype(np.intp)
            u += ox
            v += oy
            u &= size - 1
            v &= size - 1
            v *= size
            v += u
            high = surface.take(v)
            away = np.sqrt(squared)
            out = away - rough * high
            place = (out * to_radius).astype(np.intp)
            np.clip(place, 0, RADII - 1, out=place)
            intensity = gain.take(place)
            intensity *= high
            intensity += level.take(place)
            away *= light[angle]
            intensity += away
            intensity += base
            view = canvas[rows, x0:x1]
            view *= shade.take(place)
            # A one-pixel ramp at the outline: what an ideal probe of one pixel would record.
            cover = np.clip((np.float32(1.0) - out) * ramp + np.float32(0.5), 0.0, 1.0)
            intensity -= view
            intensity *= cover
            view += intensity
            labels[rows, x0:x1][out < 1.0] = number
    return canvas, labels


def _form(particle: Agglomerate, radius: float, profile: Canvas) -> tuple[Canvas, Canvas]:
    """Over :data:`ANGLES`, periodic: 1/(outline in px)², and how the limb is lit there.

    ``radius`` is in px; ``profile`` (n,), periodic, in px, stands on the outline along its length. A body
    whose cross-sections have the form of its outline has normals that lean by ``r̂ − (e'/e) θ̂`` for an
    outline e(θ): lumps are bright on the side of the detector.
    """
    angles = np.arange(ANGLES) * (2.0 * np.pi / ANGLES)
    known = np.linspace(0.0, 2.0 * np.pi, OUTLINE_POINTS + 1)
    edge = np.interp(angles, known, np.append(particle.outline, particle.outline[0]))
    lean = np.gradient(edge) * (ANGLES / (2.0 * np.pi)) / edge
    c, s = np.cos(angles), np.sin(angles)
    light = 0.045 * (LIGHT[0] * (c + lean * s) + LIGHT[1] * (s - lean * c))
    waves = fft.rfft(profile[(angles * radius).astype(np.intp) % profile.size])
    # The form is the outline's; primaries only fray it.
    waves[:COARSEST_FRAY] = 0.0
    rough = edge * radius + fft.irfft(waves, ANGLES)
    # Negative angles index from the end.
    return (1.0 / rough**2).astype(np.float32), light.astype(np.float32)


def _bands(top: int, bottom: int, width: int) -> Iterator[slice]:
    step = max(1, BAND_PX // width)
    for start in range(top, bottom, step):
        yield slice(start, min(start + step, bottom))


def mottle(shape: tuple[int, int], step: int, rng: np.random.Generator) -> Canvas:
    """Smooth noise (H, W): independent values of SD 1 every ``step`` pixels, linearly interpolated."""
    coarse = rng.standard_normal([side // step + 2 for side in shape], dtype=np.float32)
    rows, columns = (
        _interpolation(side, step, known) for side, known in zip(shape, coarse.shape, strict=True)
    )
    return np.asarray(rows @ coarse @ columns.T, np.float32)


def _interpolation(side: int, step: int, known: int) -> Canvas:
    return np.asarray(
        np.maximum(1.0 - np.abs(np.arange(side)[:, None] / step - np.arange(known)), 0.0), np.float32
    )


def record(canvas: Canvas, *, focus_px: float, dose: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Record a canvas as the detector would: defocus, charging, vignetting, gain, shot noise, 8 bit.

    ``focus_px`` is the SD of the probe in pixels, ``dose`` the electrons per pixel at intensity 1.
    """
    height, width = canvas.shape
    image = ndimage.gaussian_filter(canvas, focus_px, truncate=3.0) if focus_px > 0 else canvas
    image = charge(image, tails=0.08, lines=0.002, creep=0.006, rng=rng)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    gain = np.float32(rng.normal(1.0, 0.04))
    image *= gain - np.float32(0.05) * gain * (x * x + y * y)
    image += np.float32(rng.normal(0.03, 0.01))
    np.maximum(image, 0.0, out=image)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    noise *= np.sqrt(image * np.float32(255.0**2 / dose) + np.float32(255.0**2 * 1e-5))
    image *= np.float32(255.0)
    image += noise
    image += np.float32(0.5)
    return np.asarray(np.clip(image, 0, 255, out=image), dtype=np.uint8)
