"""Bias and scatter of the outline estimator on drawn particles of known form."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.compared.asked import Asked
from models.morphology.contours import outlines
from models.morphology.measures import Image, Labels
from models.morphology.particles import at_measuring_scale

DIAMETERS = (8, 10, 13, 16, 20, 25, 30, 45, 60, 100, 150, 200)
PARTICLES = 36
ANGLES = np.linspace(0, 2 * np.pi, 2048, endpoint=False)


def form(kind: str, diameter: float, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Radius in px over :data:`ANGLES`, and Ψ of the form without its roughness."""
    r = np.ones_like(ANGLES)
    if kind == "ellipse 3:2":
        r = 1 / np.hypot(np.cos(ANGLES) / 1.5, np.sin(ANGLES))
        r = np.roll(r, rng.integers(len(r)))
    elif kind != "disc":
        k = np.arange(2, 9)[:, None]
        waves = rng.normal(size=k.shape) / k**1.15 * np.cos(k * ANGLES + rng.uniform(0, 2 * np.pi, k.shape))
        r = r + 0.06 * waves.sum(axis=0) / waves.sum(axis=0).std()
    z = r * np.exp(1j * ANGLES)
    step = np.roll(z, -1) - z
    area = 0.5 * float((z.conj() * step).imag.sum())
    r *= diameter / 2 / np.sqrt(area / np.pi)
    if kind == "rough":
        # Primaries fray the outline by a pixel, in waves shorter than any of its form.
        waves = np.fft.rfft(rng.normal(size=len(r)))
        waves[:24] = waves[max(25, round(diameter)) :] = 0
        fray = np.fft.irfft(waves, len(r))
        r += min(1.0, diameter / 40) * fray / fray.std()
    return r, float(4 * np.pi * area / np.abs(step).sum() ** 2)


def drawn(kind: str, diameter: float, rng: np.random.Generator) -> tuple[Image, Labels, NDArray[np.float64]]:
    """A field of particles of one diameter in px that do not touch, its labels, and Ψ of each.

    Limbs are brighter than faces, as secondary electrons make them.
    """
    pitch = round(1.35 * diameter) + 8
    side = round(np.sqrt(PARTICLES))
    image, labels = np.full((side * pitch,) * 2, 0.16), np.zeros((side * pitch,) * 2, np.int32)
    true = np.empty(side**2)
    y, x = np.mgrid[:pitch, :pitch] + 0.5
    for index in range(side**2):
        r, true[index] = form(kind, diameter, rng)
        cx, cy = pitch / 2 + rng.uniform(-0.5, 0.5, 2)
        angle = np.arctan2(y - cy, x - cx) % (2 * np.pi)
        edge = np.interp(angle, ANGLES, r, period=2 * np.pi)
        away = np.hypot(y - cy, x - cx)
        face = 0.45 + 0.055 * (1 / np.sqrt(np.clip(1 - (away / edge) ** 2, 0.02, 1)) - 1)
        inside = edge - away
        row, column = divmod(index, side)
        place = np.s_[row * pitch : (row + 1) * pitch, column * pitch : (column + 1) * pitch]
        image[place] += np.clip(inside + 0.5, 0, 1) * (face - 0.16)
        labels[place][inside > 0] = index + 1
    image = ndimage.gaussian_filter(image, 0.8) + rng.normal(0, 0.015, image.shape)
    return image.astype(np.float32), labels, true


def print_outlines(asked: Asked) -> None:
    kinds = ("disc", "ellipse 3:2", "lobed", "rough")
    print("Outlines: bias of the diameter (%), bias ± scatter of Ψ; true masks, probe of 0.8 px, noise 1.5 %")
    print(f"{'px':>4} " + " ".join(f"{kind:>24}" for kind in kinds))
    for diameter in DIAMETERS:
        cells = []
        for kind in kinds:
            image, labels, true = drawn(kind, diameter, np.random.default_rng([diameter, *kind.encode()]))
            coarse, coarse_labels, factor = at_measuring_scale(image, labels)
            found = outlines(coarse, coarse_labels, np.arange(1, len(true) + 1))
            size = np.nanmean(found.diameter) * factor / diameter - 1
            apart = np.minimum(found.sphericity, 1.0) - true
            if diameter in (20, 200):
                asked.most(f"{kind}, {diameter} px: bias of Ψ", 100 * abs(np.nanmean(apart)), 1.0, "%")
            cells.append(f"{100 * size:+6.1f} % {np.nanmean(apart):+7.4f} ± {np.nanstd(apart):.4f}")
        print(f"{diameter:>4} " + " ".join(f"{cell:>24}" for cell in cells), flush=True)
