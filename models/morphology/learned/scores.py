"""How well instances found agree with those there are."""

from collections.abc import Sequence

import numpy as np

from models.morphology.measures import Labels


def f1(found: Sequence[Labels], true: Sequence[Labels]) -> float:
    """F1 of instances matched at an intersection over union above one half, over all pictures."""
    matched = total = 0
    for mine, theirs in zip(found, true, strict=True):
        hits, n, m = matches(mine, theirs)
        matched, total = matched + hits, total + n + m
    return 2.0 * matched / max(total, 1)


def matches(found: Labels, true: Labels) -> tuple[int, int, int]:
    """Matched pairs, instances found, and instances there are, of two label images (H, W)."""
    a = np.bincount(found.ravel())
    b = np.bincount(true.ravel())
    both = np.bincount(found.ravel().astype(np.int64) * len(b) + true.ravel(), minlength=len(a) * len(b))
    shared = both.reshape(len(a), len(b))
    union = a[:, None] + b[None, :] - shared
    hits = int((2 * shared[1:, 1:] > union[1:, 1:]).sum())
    return hits, int((a[1:] > 0).sum()), int((b[1:] > 0).sum())
