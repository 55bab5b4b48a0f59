"""From the network's maps to particles: summits of the distance map, and the watershed between them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from models.morphology.basins import merged
from models.morphology.measures import Image, Labels
from models.morphology.scaling import renumbered


@dataclass(frozen=True)
class Cut:
    """Constants of the cut, chosen on labelled pictures of the training styles that were not trained on.

    ``interior``: least probability of a pixel of a particle; ``summit``: least relative distance of a
    particle's middle; ``boundary``: how far a sure boundary lowers the map; ``merge``: ratio of the neck to
    the lower of two summits from which on they are one particle; ``smallest_px``: least diameter.
    """

    interior: float = 0.5
    summit: float = 0.35
    boundary: float = 0.6
    merge: float = 0.8
    smooth_px: float = 0.7
    smallest_px: float = 4.0


def cut(maps: Image, how: Cut) -> Labels:
    """Labels (H, W) from maps (3, H, W): probabilities of interior and boundary, and relative distance."""
    interior, boundary, distance = maps
    mask = interior > how.interior
    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    height = np.clip(distance, 0.0, 1.2) * (np.float32(1.0) - np.float32(how.boundary) * boundary)
    height = ndimage.gaussian_filter(height, how.smooth_px, truncate=3.0)
    peak = (height == ndimage.maximum_filter(height, 3)) & (height > how.summit) & mask
    seeds, n = ndimage.label(peak, np.ones((3, 3)))
    if n == 0:
        return np.zeros(mask.shape, np.int32)
    basins = watershed(-height, seeds, mask=mask).astype(np.int32)
    summits = np.zeros(n + 1)
    np.maximum.at(summits, seeds[peak], height[peak])
    joined = merged(basins, height, summits, how.merge)
    return renumbered(joined[basins], np.pi / 4 * how.smallest_px**2)
