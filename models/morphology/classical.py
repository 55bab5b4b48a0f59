"""The built-in segmenter: threshold, distance map, watershed; no weights, any scale."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from models.morphology.basins import merged
from models.morphology.measures import Floats, Image, Labels
from models.morphology.scaling import reduce_to, renumbered, resample_labels

COARSE_SIDE_PX = 384
SMALLEST_DIAMETER_PX = 6.0
EDGE_LEVEL = 0.62
"""Where between the ground (0) and the particles around (1) the edge lies: limbs are brighter than faces, so
half-way would lie outside it. Measured on simulated fields: areas of labels within 1 %."""


@dataclass(frozen=True)
class ClassicalSegmenter:
    """Bright round agglomerates on a darker ground, touching or overlapping.

    The field is first reduced until its particles are about 45 px across (but most of the small ones of a
    wide distribution at least 24 px), so that one set of constants serves any magnification. ``merge`` is the
    ratio of the distance map at the neck between two seeds to that at the smaller seed from which on they are
    one particle (h-maxima with h relative to the particle's size).
    """

    merge: float = 0.9
    typical_diameter_px: float = 45.0
    small_diameter_px: float = 24.0

    def segment(self, pixels: Image) -> Labels:
        """Labels (H, W) of ``pixels`` (H, W) in [0, 1]; an image without contrast has none."""
        reduced = max(1.0, max(pixels.shape) / COARSE_SIDE_PX)
        mask = foreground(reduce_to(pixels, reduced))
        distance = _distance(mask)
        factor = self.working_factor(distance, reduced)
        working = reduce_to(pixels, factor)
        if working.shape != mask.shape:
            mask = foreground(working)
            distance = _distance(mask)
        return resample_labels(split(mask, distance, self.merge), (pixels.shape[0], pixels.shape[1]))

    def working_factor(self, distance: Floats, reduced: float) -> float:
        """How many times (≥ 1) to reduce a field whose distance map, reduced ``reduced`` times, this is."""
        inside = distance[distance > 0]
        if inside.size == 0:
            return reduced
        # The mean distance to the edge inside a disc is a sixth of its diameter.
        typical = 6.0 * float(inside.mean())
        peaks = distance[
            (distance == ndimage.maximum_filter(distance, 7)) & (distance > SMALLEST_DIAMETER_PX / 4)
        ]
        small = 2.0 * float(np.quantile(peaks, 0.25)) if peaks.size else typical
        return max(1.0, reduced * min(typical / self.typical_diameter_px, small / self.small_diameter_px))


def _distance(mask: NDArray[np.bool_]) -> Floats:
    """Smoothed distance (H, W) in px to the edge of the foreground; the frame counts as edge."""
    # A particle that fills its region smoothly has one peak; steps of the pixel grid would make several.
    exact = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return np.asarray(ndimage.gaussian_filter(exact, 1.0, truncate=3.0) * mask)


def otsu(values: Floats) -> float:
    """Threshold that maximises the between-class variance of ``values`` (any shape): Otsu (1979)."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return high
    scaled = ((values - low) * (255.0 / (high - low))).astype(np.uint8)
    count = np.bincount(scaled.ravel(), minlength=256).astype(float)
    below = np.cumsum(count)
    moment = np.cumsum(count * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (moment / below - (moment[-1] - moment) / above) ** 2
    best = int(np.nanargmax(np.where(np.isfinite(between), between, -1.0)))
    return low + (best + 0.5) * (high - low) / 255.0


def foreground(pixels: Image) -> NDArray[np.bool_]:
    """Where particles are, (H, W): brighter than a level between the ground and the particles around."""
    smooth = ndimage.gaussian_filter(pixels, 0.7, truncate=3.0)
    # The root evens out bright rims and charging, which would pull the threshold above dim particles.
    root = np.sqrt(np.maximum(smooth, 0.0))
    first = root > otsu(root)
    if first.all() or not first.any():
        return np.zeros(pixels.shape, bool)
    ground = float(np.median(smooth[~first]))
    weight = ndimage.uniform_filter(first.astype(np.float32), 25)
    level = ndimage.uniform_filter(np.where(first, smooth, np.float32(0)), 25)
    whole = float(smooth[first].mean())
    local = (level + 0.05 * whole) / (weight + 0.05)
    mask = ndimage.binary_opening(smooth > ground + EDGE_LEVEL * (local - ground))
    return _filled(mask, smooth, ground + 0.3 * (whole - ground))


def _filled(mask: NDArray[np.bool_], smooth: Image, dark: float) -> NDArray[np.bool_]:
    """``mask`` with its holes filled, except those as dark as the ground: gaps that particles enclose."""
    holes, n = ndimage.label(~mask)
    if n < 2:
        return mask
    level = np.bincount(holes.ravel(), smooth.ravel(), minlength=n + 1)
    size = np.bincount(holes.ravel(), minlength=n + 1)
    fill = (level > dark * size) | (size < 6)
    fill[0] = False
    fill[np.unique(np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]]))] = False
    return np.asarray(mask | fill[holes])


def split(mask: NDArray[np.bool_], distance: Floats, merge: float) -> Labels:
    """Instances (H, W) of a foreground mask: watershed of its distance map, over-split basins merged."""
    peak = (distance == ndimage.maximum_filter(distance, size=5)) & (distance > SMALLEST_DIAMETER_PX / 2 - 1)
    seeds, n = ndimage.label(peak, np.ones((3, 3)))
    if n == 0:
        return np.zeros(mask.shape, np.int32)
    basins = watershed(-distance, seeds, mask=mask).astype(np.int32)
    height = np.zeros(n + 1)
    np.maximum.at(height, seeds[peak], distance[peak])
    joined = merged(basins, distance, height, merge)
    return renumbered(joined[basins], np.pi / 4 * SMALLEST_DIAMETER_PX**2)
