"""How the crops that the segmenter is trained on may look: other light, optics, detectors, and fainter seams.

The styles (:mod:`sim.styles`) are few; what they have in common, the network takes for the nature of
particles. So each crop's appearance is changed at random, its outlines never: filters of random coefficients
(Xu et al., "Robust and generalizable visual representation learning via random convolutions", ICLR 2021,
eq. 1), contrast enhanced or flattened around each place, tone curves of random knots, particles brought to
one brightness or taken apart, seams that fade.
"""

import numpy as np
from scipy import ndimage

from models.morphology.learned.targets import seams
from models.morphology.measures import Image, Labels

KNOTS = 5
LEAST_STEP = 0.3
"""Least rise between two knots of a tone curve, over the mean rise."""


def changed(pixels: Image, labels: Labels, rng: np.random.Generator) -> Image:
    """Another picture (H, W) of the same particles, levels about 0 to 1."""
    if labels.any():
        if rng.random() < 0.35:
            pixels = rebalanced(pixels, labels, rng)
        if rng.random() < 0.25:
            pixels = seams_faded(pixels, labels, rng)
    if rng.random() < 0.4:
        pixels = locally_enhanced(pixels, rng)
    if rng.random() < 0.35:
        pixels = randomly_filtered(pixels, rng)
    if rng.random() < 0.25:
        pixels = np.asarray(ndimage.gaussian_filter(pixels, rng.uniform(0.3, 1.2)), np.float32)
    if rng.random() < 0.25:
        pixels = unevenly_lit(pixels, rng)
    return toned(pixels, rng)


def rebalanced(pixels: Image, labels: Labels, rng: np.random.Generator) -> Image:
    """Particles of (H, W) brought to one brightness, so that no step tells them apart, or further apart."""
    area = np.maximum(np.bincount(labels.ravel()), 1)
    mean = np.bincount(labels.ravel(), weights=pixels.ravel()) / area
    if rng.random() < 0.6:
        common = float((mean[1:] * area[1:]).sum() / area[1:].sum())
        shift = rng.uniform(0.5, 1.0) * (common - mean)
    else:
        shift = rng.normal(0.0, 0.12, len(area))
    shift[0] = 0.0
    return np.asarray(pixels + shift[labels], np.float32)


def seams_faded(pixels: Image, labels: Labels, rng: np.random.Generator) -> Image:
    """Where two particles of (H, W) meet, something of what shows the seam is smoothed away."""
    width = rng.uniform(1.0, 3.0)
    near = ndimage.gaussian_filter(seams(labels).astype(np.float32), width) * np.float32(2.5 * width)
    share = np.minimum(near, 1.0) * np.float32(rng.uniform(0.3, 0.85))
    return np.asarray(pixels + share * (ndimage.gaussian_filter(pixels, 2.0 * width) - pixels), np.float32)


def locally_enhanced(pixels: Image, rng: np.random.Generator) -> Image:
    """Differences of (H, W) to what is around sharpened, or flattened, as detectors and filters do."""
    around = ndimage.gaussian_filter(pixels, np.exp(rng.uniform(np.log(1.0), np.log(20.0))), truncate=3.0)
    return np.asarray(pixels + rng.uniform(-0.5, 1.2) * (pixels - around), np.float32)


def randomly_filtered(pixels: Image, rng: np.random.Generator) -> Image:
    """A filter of 3×3 random coefficients, spread over 1 to 3 px, mixed with the picture (H, W) itself."""
    spread = int(rng.integers(1, 4))
    kernel = np.zeros((2 * spread + 1, 2 * spread + 1))
    kernel[::spread, ::spread] = rng.normal(0.0, 1.0 / 3.0, (3, 3))
    kept = rng.uniform(0.3, 1.0)
    filtered = kept * pixels + (1.0 - kept) * ndimage.convolve(pixels, kernel.astype(np.float32))
    low, high = np.percentile(filtered[::3, ::3], (1, 99))
    return np.asarray((filtered - low) / max(high - low, 1e-3), np.float32)


def unevenly_lit(pixels: Image, rng: np.random.Generator) -> Image:
    """Light that falls off over the picture (H, W)."""
    coarse = rng.normal(0.0, 0.15, (4, 4)).astype(np.float32)
    zoom = (pixels.shape[0] / 4, pixels.shape[1] / 4)
    uneven = ndimage.zoom(coarse, zoom, order=3, mode="nearest", grid_mode=True)
    return np.asarray(pixels * (1.0 + uneven) + rng.uniform(0.0, 0.5) * uneven, np.float32)


def toned(pixels: Image, rng: np.random.Generator) -> Image:
    """Another tone curve, gain, offset and noise of (H, W)."""
    if rng.random() < 0.3:
        rise = np.maximum(rng.uniform(0.0, 2.0, KNOTS), LEAST_STEP)
        knots = np.concatenate([[0.0], np.cumsum(rise) / rise.sum()])
        pixels = np.interp(pixels, np.linspace(0.0, 1.0, KNOTS + 1), knots)
    bent = np.clip(pixels, 0.0, 1.5) ** np.exp(rng.normal(0.0, 0.25))
    bent = bent * np.exp(rng.normal(0.0, 0.12)) + rng.normal(0.0, 0.05)
    if rng.random() < 0.4:
        level = rng.uniform(0.0, 0.1)
        if rng.random() < 0.5:  # counted electrons scatter most where they are many
            level = level * np.sqrt(np.clip(2.0 * bent, 0.05, None))
        bent = bent + rng.standard_normal(pixels.shape) * level
    return np.asarray(np.clip(bent, -0.5, 1.5), np.float32)
