"""A picture of particles with its labels, and bodies that come to rest on each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Box = tuple[slice, slice]
LEAST_VISIBLE = 0.35
"""No body hides more of another than the rest of this share, nor is laid where less of it shows."""
LEAST_AREA_PX = 30


@dataclass(frozen=True)
class Field:
    """A picture (H, W), its labels, and of each label 1…n the diameter in px and Ψ of its whole outline."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint16]
    diameter: NDArray[np.float64]
    sphericity: NDArray[np.float64]


class Deposit:
    """Bodies over a ground ``surface`` (H, W, height in px), laid one after the other from above."""

    def __init__(self, surface: Floats) -> None:
        self.surface = surface.copy()
        self.labels = np.zeros(surface.shape, np.int64)
        self._whole = [0]

    def around(self, x: float, y: float, reach: float) -> Box:
        """The part of the picture within ``reach`` px of a place."""
        height, width = self.surface.shape
        rows, columns = (
            slice(max(int(at - reach), 0), min(int(at + reach) + 2, size))
            for at, size in ((y, height), (x, width))
        )
        return rows, columns

    def lay(self, box: Box, bottom: Floats, top: Floats, sunk: float = 0.0) -> None:
        """Lower a body until it touches and ``sunk`` px on; it stays away where too little would show.

        ``bottom`` and ``top`` over ``box``, px; outside of the body top is not above bottom, or not finite.
        """
        surface, labels = self.surface[box], self.labels[box]
        solid = np.isfinite(top) & (top > bottom)
        area = int(solid.sum())
        if area < LEAST_AREA_PX:
            return
        lifted = np.where(solid, top + (surface - bottom)[solid].max() - sunk, -np.inf)
        seen = lifted > surface
        if seen.sum() < LEAST_VISIBLE * area or hides_too_much(self.labels, labels[seen], self._whole):
            return
        self._whole.append(area)
        labels[seen] = len(self._whole) - 1
        surface[seen] = lifted[seen]

    def field(self, image: Floats) -> Field:
        """With ``image`` (H, W) in [0, 1] as its picture; labels numbered without gaps."""
        return numbered(np.asarray(image * 255.0 + 0.5, np.uint8), self.labels)


def hides_too_much(labels: NDArray[np.int64], covered: NDArray[np.int64], whole: Sequence[int]) -> bool:
    """Whether too little is left of a body of ``labels`` (H, W) if the pixels labelled ``covered`` go.

    ``whole``: area of each body by label, px; that of the ground, label 0, does not matter.
    """
    under = np.bincount(covered, minlength=len(whole))
    left = np.bincount(labels.ravel(), minlength=len(whole)) - under
    return bool((left < LEAST_VISIBLE * np.array(whole))[1:][under[1:] > 0].any())


def numbered(image: NDArray[np.uint8], labels: NDArray[np.integer]) -> Field:
    """``image`` (H, W) with ``labels`` numbered without gaps, of bodies whose outlines are not known."""
    present, places = np.unique(np.append(labels.ravel(), 0), return_inverse=True)
    unknown = np.full(len(present) - 1, np.nan)
    return Field(image, places[:-1].reshape(labels.shape).astype(np.uint16), unknown, unknown)


def stretched(signal: Floats) -> Floats:
    """Grey levels (H, W) from 0 to 1, some of the darkest and brightest pixels clipped."""
    low, high = np.percentile(signal, (0.5, 99.7))
    return np.asarray(np.clip((signal - low) / (high - low), 0.0, 1.0))
