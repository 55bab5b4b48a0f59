"""Changing the pixel size of images and labels."""

import numpy as np

from models.morphology.measures import Image, Labels


def _axis_weights(size: int, new: int) -> Image:
    """(new, size) matrix of the share of each old pixel in each new one; rows sum to 1."""
    edges = np.linspace(0, size, new + 1)
    left, right = edges[:-1, None], edges[1:, None]
    pixel = np.arange(size)[None, :]
    overlap = np.clip(np.minimum(right, pixel + 1) - np.maximum(left, pixel), 0, None)
    return np.asarray(overlap / overlap.sum(axis=1, keepdims=True), np.float32)


def resample_area(pixels: Image, shape: tuple[int, int]) -> Image:
    """``pixels`` (H, W) on a coarser grid of ``shape``: each new pixel is the mean over its own area.

    Any ratio ≥ 1 works, not only whole ones; this is what a coarser scan of the same field averages.
    """
    if shape == pixels.shape:
        return pixels
    down = _axis_weights(pixels.shape[0], shape[0])
    across = _axis_weights(pixels.shape[1], shape[1])
    return np.asarray(down @ np.asarray(pixels, np.float32) @ across.T, np.float32)


def reduce_to(pixels: Image, factor: float) -> Image:
    """``pixels`` reduced ``factor`` times (≥ 1) along both axes."""
    if factor <= 1.0:
        return pixels
    shape = (max(1, round(pixels.shape[0] / factor)), max(1, round(pixels.shape[1] / factor)))
    return resample_area(pixels, shape)


def renumbered(labels: Labels, smallest_area: float = 1.0) -> Labels:
    """Labels 1…n without gaps, those of fewer than ``smallest_area`` pixels made background."""
    keep = np.bincount(labels.ravel(), minlength=1) >= max(smallest_area, 1.0)
    keep[0] = False
    number = np.zeros(len(keep), np.int32)
    number[keep] = np.arange(1, int(keep.sum()) + 1)
    return np.asarray(number[labels])


def resample_labels(labels: Labels, shape: tuple[int, int]) -> Labels:
    """Labels on another grid of ``shape``, by nearest neighbour."""
    if shape == labels.shape:
        return labels
    rows = (np.arange(shape[0]) + 0.5) * (labels.shape[0] / shape[0])
    columns = (np.arange(shape[1]) + 0.5) * (labels.shape[1] / shape[1])
    return np.asarray(labels[np.ix_(rows.astype(int), columns.astype(int))])
