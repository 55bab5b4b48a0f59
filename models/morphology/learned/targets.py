"""What the network learns to predict, from instance labels."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.morphology.measures import Image, Labels

SEAM_WEIGHT = 2.5
"""How many times a pixel counts that has another particle beside it."""


def outline(labels: Labels) -> NDArray[np.bool_]:
    """Pixels (H, W) of particles that have another particle or the ground beside them."""
    edge = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        line, marked = np.moveaxis(labels, axis, 0), np.moveaxis(edge, axis, 0)
        step = line[1:] != line[:-1]
        marked[1:] |= step
        marked[:-1] |= step
    return np.asarray(edge & (labels > 0))


def relative_distance(labels: Labels) -> Image:
    """Distance (H, W) to the nearest edge of the own particle, over the largest in it: 1 in its middle.

    The frame is no edge: of a particle cut by it the middle may lie outside.
    """
    bounds = outline(labels)
    distance = np.where(labels > 0, ndimage.distance_transform_edt((labels > 0) & ~bounds) + 0.5, 0.0)
    largest = np.zeros(int(labels.max(initial=0)) + 1)
    np.maximum.at(largest, labels.ravel(), distance.ravel())
    return np.asarray(distance / np.maximum(largest, 0.5)[labels], np.float32)


def weights(labels: Labels) -> Image:
    """How much each pixel (H, W) counts: more in small particles, since each counts as one, and at seams.

    A missed seam makes one particle of two: two of the usual errors at once, for a few pixels.
    """
    area = np.bincount(labels.ravel()).astype(float)
    weight = np.clip(np.sqrt(300.0 / np.maximum(area, 1.0)), 0.7, 3.0)
    weight[0] = 1.0
    return np.asarray(weight[labels] * np.where(seams(labels), SEAM_WEIGHT, 1.0), np.float32)


def seams(labels: Labels) -> NDArray[np.bool_]:
    """Pixels (H, W) of particles that have another particle beside them."""
    highest = ndimage.maximum_filter(labels, 3)
    lowest = ndimage.minimum_filter(np.where(labels > 0, labels, np.iinfo(labels.dtype).max), 3)
    return np.asarray((labels > 0) & (lowest != highest))
