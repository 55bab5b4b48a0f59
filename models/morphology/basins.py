"""Basins of a watershed, and which of them are one particle."""

import numpy as np

from models.morphology.measures import Floats, Image, Labels


def merged(basins: Labels, height: Floats | Image, peaks: Floats, merge: float) -> Labels:
    """New label per basin: two basins become one when their neck is nearly as high as the lower peak.

    ``basins`` (H, W) are numbered 1…n over the map ``height`` (H, W), ``peaks`` (n + 1,) is the height of the
    summit of each. ``merge`` is the least ratio of neck to lower summit of two that are one. The highest
    necks go first. These are h-maxima with h relative to the summit.
    """
    pairs = []
    for axis in (0, 1):
        basin, inner = np.moveaxis(basins, axis, 0), np.moveaxis(height, axis, 0)
        touch = (basin[1:] != basin[:-1]) & (basin[1:] > 0) & (basin[:-1] > 0)
        first, second = basin[1:][touch], basin[:-1][touch]
        neck = np.minimum(inner[1:][touch], inner[:-1][touch])
        pairs.append(np.stack([np.minimum(first, second), np.maximum(first, second), neck]))
    low, high, neck = np.concatenate(pairs, axis=1)

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    parent = list(range(len(peaks)))
    top = list(peaks)
    order = np.argsort(-neck, kind="stable")
    _, first_seen = np.unique((low * len(peaks) + high)[order], return_index=True)
    for index in order[np.sort(first_seen)]:
        a, b = sorted((root(int(low[index])), root(int(high[index]))))
        if a != b and neck[index] >= merge * min(top[a], top[b]):
            parent[b] = a
            top[a] = max(top[a], top[b])
    return np.array([root(i) for i in range(len(parent))], np.int32)
