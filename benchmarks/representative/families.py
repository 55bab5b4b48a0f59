"""The structures that estimators are measured on, none of which any was tuned on: flat and in space."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from benchmarks.representative.structures import (
    Family,
    Grain,
    boolean,
    clusters,
    disc,
    hard_core,
    leaves,
    line_mosaic,
    sheets,
    spinodal,
    spots,
    stick,
    two_scales,
    voronoi,
)


def _log_normal(median: float, log_sd: float, number: int) -> NDArray[np.float64]:
    return np.asarray(median * np.exp(log_sd * ndtri((np.arange(number) + 0.5) / number)))


def _sticks(lengths: Sequence[float], width: float, directions: int = 12) -> list[Grain]:
    angles = np.arange(directions) * math.pi / directions
    return [stick(length, width, float(angle)) for length in lengths for angle in angles]


def _spheres(radii: NDArray[np.float64], dimensions: int) -> list[Grain]:
    return [disc(*(float(radius),) * dimensions) for radius in radii]


PLANE: tuple[Family, ...] = (
    voronoi(0.35, 16),
    leaves(0.5, 6, 36),
    line_mosaic(0.3, 24),
    sheets(0.3, 6),
    spots(0.2, 6),
    spinodal(0.4, 24),
    boolean("discs of many sizes", 0.45, _spheres(_log_normal(6, 0.5, 12), 2)),
    boolean("lying ellipses 4:1", 0.25, [disc(4.5, 18)]),
    hard_core(16, 7, 2.0),
    two_scales(14, boolean("dense", 0.55, [disc(3.5, 3.5)]), boolean("thin", 0.1, [disc(2, 5), disc(5, 2)])),
    boolean("fibres of many lengths", 0.2, _sticks(_log_normal(40, 0.5, 6).tolist(), 4)),
    boolean("sparse rings", 0.04, [disc(7, 7, hollow=0.6)]),
    clusters("clustered discs", 0.12, 3, disc(16, 16), 7),
)

SPACE: tuple[Family, ...] = tuple(
    replace(family, margin=28, dimensions=3)
    for family in (
        leaves(0.5, 3, 16),
        sheets(0.3, 3),
        spinodal(0.4, 12),
        boolean("spheres of many sizes", 0.3, _spheres(_log_normal(4, 0.35, 6), 3)),
        boolean("lying ellipsoids", 0.2, [disc(3, 5, 9)]),
    )
)
