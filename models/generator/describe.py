"""Descriptors of generated images and of data set tiles, by the same measures that the loop uses."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.generator.dataset import TileDataset
from models.morphology import known_descriptors, measure_for
from models.values import Conditions

ImageSource = Callable[[Sequence[Conditions], int], NDArray[np.float32]]
"""(conditions, magnification) → images (C, n, H, W) in [0, 1]."""


def describe(
    images: NDArray[np.float32], pixel_size_um: float, descriptors: Iterable[str]
) -> dict[str, float]:
    """Values of ``descriptors`` pooled over ``images`` (n, H, W) in [0, 1]; NaN where undefined."""
    wanted = list(descriptors)
    measures = {measure_for(name).kind: measure_for(name) for name in wanted}
    pooled: dict[str, float] = {}
    for measure in measures.values():
        pooled |= measure.pool([measure.measure(image, pixel_size_um) for image in images])
    return {name: float(pooled[name]) for name in wanted}


def tile_descriptors(dataset: TileDataset, row: int) -> dict[str, float]:
    """Every descriptor of one condition, measured on its tiles; NaN where it has none."""
    found: dict[str, float] = {}
    for magnification, info in dataset.schema.magnifications.items():
        tiles = dataset.tiles[magnification].of_row(row).astype(np.float32) / 255.0
        if len(tiles):
            found |= describe(tiles, info.pixel_size_um, info.descriptors)
        else:
            found |= dict.fromkeys(info.descriptors, float("nan"))
    return found


def is_positive(descriptor: str) -> bool:
    """Whether differences of ``descriptor`` are compared on a logarithmic scale."""
    return known_descriptors()[descriptor].positive
