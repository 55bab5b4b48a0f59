"""Which of the particles found can be measured: whole ones, not those cut by the frame or partly hidden."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from models.morphology.measures import Floats, Labels

SHARED_OUTLINE_LIMIT = 0.25
"""Of the outline, the largest share that may be a border with another particle."""


class Standing(IntEnum):
    """How a particle lies in the field."""

    WHOLE = 0
    CUT = 1
    HIDDEN = 2


def standings(labels: Labels) -> NDArray[np.int8]:
    """The :class:`Standing` of each label 1…n of ``labels`` (H, W), (n,).

    A border between two particles belongs to the upper one, and the picture does not say which that is: both
    count as hidden where it is longer than a quarter of their outlines.
    """
    standing = np.full(int(labels.max(initial=0)) + 1, Standing.WHOLE, np.int8)
    standing[1:][touching(labels) > SHARED_OUTLINE_LIMIT] = Standing.HIDDEN
    standing[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = Standing.CUT
    return standing[1:]


def touching(labels: Labels) -> Floats:
    """Share of the outline of each label 1…n of ``labels`` (H, W) that borders on other labels, (n,)."""
    n = int(labels.max(initial=0))
    outer, shared = np.zeros(n + 1), np.zeros(n + 1)
    for axis in (0, 1):
        line = np.moveaxis(labels, axis, 0)
        step = line[1:] != line[:-1]
        a, b = line[1:][step], line[:-1][step]
        both = (a > 0) & (b > 0)
        for side in (a, b):
            outer += np.bincount(side, minlength=n + 1)
            shared += np.bincount(side[both], minlength=n + 1)
    return np.asarray(shared / np.maximum(outer, 1.0))[1:]
