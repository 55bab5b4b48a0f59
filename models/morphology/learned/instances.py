"""From the network's maps to particles: summits of the distance map, and the watershed between them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from models.morphology.basins import merged
from models.morphology.measures import Image, Labels
from models.morphology.scaling import renumbered, resample_labels

LARGEST_SHARE = 0.5
"""Share of the field above which what was found is hardly one particle, but many that are not resolved."""
RESOLVED_PX = 20.0
"""Diameter on its grid from which on a particle found there is not looked for again on a finer grid."""


@dataclass(frozen=True)
class Cut:
    """Constants of the cut, chosen on labelled pictures of the training styles that were not trained on.

    ``interior``: least probability of a pixel of a particle, ``reach``: of one that a particle is asked to
    own, so that outlines can be placed between pixels on a finer grid; ``summit``: least relative distance of
    a particle's middle; ``boundary``: how far a sure boundary lowers the map; ``merge``: ratio of the neck to
    the lower of two summits from which on they are one particle; ``smallest_px``: least diameter.
    """

    interior: float = 0.5
    reach: float = 0.2
    summit: float = 0.35
    boundary: float = 0.6
    merge: float = 0.3
    smooth_px: float = 0.7
    smallest_px: float = 4.0


def cut(maps: Image, how: Cut, shape: tuple[int, int] | None = None) -> Labels:
    """Labels from maps (3, H, W): probabilities of interior and boundary, and relative distance.

    ``shape``: a finer grid for the labels; the outline then runs where the enlarged interior says.
    """
    interior, boundary, distance = maps
    height = np.clip(distance, 0.0, 1.2) * (np.float32(1.0) - np.float32(how.boundary) * boundary)
    height = ndimage.gaussian_filter(height, how.smooth_px, truncate=3.0)
    peak = (height == ndimage.maximum_filter(height, 3)) & (height > how.summit) & (interior > how.interior)
    seeds, n = ndimage.label(peak, np.ones((3, 3)))
    if n == 0:
        return np.zeros(shape or interior.shape, np.int32)
    basins = watershed(-height, seeds, mask=interior > how.reach).astype(np.int32)
    summits = np.zeros(n + 1)
    np.maximum.at(summits, seeds[peak], height[peak])
    labels = merged(basins, height, summits, how.merge)[basins]
    finer = shape or labels.shape
    inside = enlarged(interior, finer) > how.interior
    share = inside.size / interior.size
    return renumbered(resample_labels(labels, finer) * inside, share * np.pi / 4 * how.smallest_px**2)


def combined(coarse: Labels, fine: Labels, factor: float) -> Labels:
    """Labels (H, W) from those found on a grid reduced ``factor`` times and those found on a finer one.

    Particles that were well resolved on the coarse grid stay, unless one takes most of the field; the rest is
    as on the fine grid.
    """
    area = np.bincount(coarse.ravel())
    stays = (area >= np.pi / 4 * (RESOLVED_PX * factor) ** 2) & (area <= LARGEST_SHARE * coarse.size)
    stays[0] = False
    kept = np.where(stays[coarse], coarse, 0)
    area = np.bincount(fine.ravel())
    covered = np.bincount(fine[kept > 0], minlength=len(area))
    added = 2 * covered < area
    added[0] = False
    return renumbered(np.where((kept == 0) & added[fine], fine + len(stays), kept))


def enlarged(picture: Image, shape: tuple[int, ...]) -> Image:
    """``picture`` (H, W) on a finer grid of ``shape``, linearly interpolated."""
    for axis, (old, new) in enumerate(zip(picture.shape, shape, strict=True)):
        if old == new:
            continue
        place = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
        low = np.minimum(place.astype(int), old - 2) if old > 1 else np.zeros(new, int)
        part = np.asarray(place - low, np.float32)[(...,) + (None,) * (1 - axis)]
        high = np.minimum(low + 1, old - 1)
        picture = picture.take(low, axis) * (np.float32(1) - part) + picture.take(high, axis) * part
    return picture
