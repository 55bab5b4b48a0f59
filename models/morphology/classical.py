"""The built-in segmenter: threshold, distance map, watershed; no weights, any scale."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from models.morphology.measures import Floats, Image, Labels
from models.morphology.scaling import enlarge_labels, reduce_to

COARSE_SIDE_PX = 192
WORKING_DIAMETER_PX = 40.0
SMALLEST_DIAMETER_PX = 6.0


@dataclass(frozen=True)
class ClassicalSegmenter:
    """Bright round agglomerates on a darker ground, touching or overlapping.

    The field is first reduced until its particles are about 40 px across, so that one set of constants serves
    any magnification. ``merge`` is the least ratio of the distance map at the neck between two seeds to that at
    the smaller seed at which they are one particle (h-maxima with h relative to the particle's size).
    """

    merge: float = 0.82
    working_diameter_px: float = WORKING_DIAMETER_PX

    def segment(self, pixels: Image) -> Labels:
        """Labels (H, W) of ``pixels`` (H, W) in [0, 1]; an image without contrast has none."""
        working = reduce_to(pixels, self.working_factor(pixels))
        labels = split(foreground(working), self.merge)
        return enlarge_labels(labels, (pixels.shape[0], pixels.shape[1]))

    def working_factor(self, pixels: Image) -> float:
        """How many times the field should be reduced for particles of about 40 px; at least 1."""
        coarse_factor = max(1.0, max(pixels.shape) / COARSE_SIDE_PX)
        coarse = reduce_to(pixels, coarse_factor)
        distance = ndimage.distance_transform_edt(foreground(coarse))
        inside = distance[distance > 0]
        if inside.size == 0:
            return coarse_factor
        # The mean distance to the edge inside a disc is a sixth of its diameter.
        diameter = 6.0 * float(inside.mean()) * coarse_factor
        return max(1.0, diameter / self.working_diameter_px)


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
    """Where particles are, (H, W): brighter than half-way between the ground and the particles around."""
    smooth = ndimage.gaussian_filter(pixels, 1.0, truncate=3.0)
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
    mask = smooth > ground + 0.5 * (local - ground)
    mask = ndimage.binary_opening(mask, iterations=1)
    return np.asarray(ndimage.binary_fill_holes(mask))


def split(mask: NDArray[np.bool_], merge: float) -> Labels:
    """Instances (H, W) of a foreground mask by a watershed of its distance map, over-split basins merged again."""
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1], 1.0)
    peak = (
        (distance == ndimage.maximum_filter(distance, size=5))
        & mask
        & (distance > SMALLEST_DIAMETER_PX / 2 - 1)
    )
    seeds, n = ndimage.label(peak, np.ones((3, 3)))
    if n == 0:
        return np.zeros(mask.shape, np.int32)
    basins = watershed(-distance, seeds, mask=mask).astype(np.int32)
    height = ndimage.maximum(distance, seeds, np.arange(n + 1))
    joined = _merge_basins(basins, distance, np.asarray(height, float), merge)
    labels = joined[basins]
    size = np.bincount(labels.ravel())
    keep = size >= np.pi / 4 * SMALLEST_DIAMETER_PX**2
    keep[0] = False
    renumber = np.zeros(len(size), np.int32)
    renumber[keep] = np.arange(1, int(keep.sum()) + 1)
    return np.asarray(renumber[labels])


def _merge_basins(basins: Labels, distance: Floats, height: Floats, merge: float) -> Labels:
    """New label per basin: two basins become one when their neck is nearly as high as the lower peak."""
    pairs = []
    for axis in (0, 1):
        a = np.moveaxis(basins, axis, 0)
        d = np.moveaxis(distance, axis, 0)
        touch = (a[1:] != a[:-1]) & (a[1:] > 0) & (a[:-1] > 0)
        first, second = a[1:][touch], a[:-1][touch]
        neck = np.minimum(d[1:][touch], d[:-1][touch])
        pairs.append(np.stack([np.minimum(first, second), np.maximum(first, second), neck]))
    low, high, neck = np.concatenate(pairs, axis=1)
    parent = np.arange(len(height), dtype=np.int32)

    def root(i: int) -> int:
        while parent[i] != i:
            i = int(parent[i])
        return i

    top = height.copy()
    order = np.argsort(-neck, kind="stable")
    _, first_seen = np.unique((low * len(height) + high)[order], return_index=True)
    for index in order[np.sort(first_seen)]:
        a, b = root(int(low[index])), root(int(high[index]))
        if a != b and neck[index] >= merge * min(top[a], top[b]):
            parent[max(a, b)] = min(a, b)
            top[min(a, b)] = max(top[a], top[b])
    return np.array([root(i) for i in range(len(height))], np.int32)
