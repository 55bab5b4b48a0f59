"""Labelled micrographs: tiles of the images that a table names, with the conditions they were made under."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.errors import UnusableInput
from models.learning.table import labelled_rows, number_in
from models.learning.tiles import Image, cut_tiles
from models.micrographs import read
from models.values import Conditions

if TYPE_CHECKING:  # the schema's package is light, but only its types are needed here
    from models.generator.schema import GeneratorSchema

TRAIN = "train"


@dataclass(frozen=True)
class LabelledTiles:
    """Tiles (k, side, side) in [0, 1] of one condition at one magnification; ``split`` "train" or another.

    ``psa_d50_um``: what laser diffraction gave for the powder, in µm (NaN without it).
    """

    conditions: Conditions
    magnification: int
    pixels: Image
    split: str
    psa_d50_um: float = math.nan


def read_labelled(path: Path, schema: "GeneratorSchema", tile_size: int) -> list[LabelledTiles]:
    """Tiles of every image named in a CSV or YAML file, pooled by condition and magnification.

    Columns: ``image`` (path, relative to the file), ``magnification``, one per parameter of ``schema`` that
    varies, and optionally ``pixel_size_um``, ``split`` ("train" if empty; any other is held out to judge on)
    and ``psa_d50_um``. Errors: :class:`UnusableInput` naming the line and column that cannot be used.
    """
    needed = ["image", "magnification", *(p.name for p in schema.parameters if p.varies)]
    pooled: dict[tuple[object, ...], list[Image]] = {}
    labels: dict[tuple[object, ...], LabelledTiles] = {}
    diffraction: dict[tuple[object, ...], list[float]] = {}
    for where, row in labelled_rows(path, needed):
        conditions: dict[str, float | str] = {}
        for parameter in schema.parameters:
            text = (row.get(parameter.name) or "").strip()
            if not text and not parameter.varies:
                continue
            conditions[parameter.name] = (
                text if parameter.categories else number_in(text, parameter.name, where)
            )
        magnification = round(number_in(row["magnification"], "magnification", where))
        try:
            schema.check(conditions)
            info = schema.magnification(magnification)
        except UnusableInput as error:
            raise UnusableInput(f"In {where}: {error}") from error
        given = (row.get("pixel_size_um") or "").strip()
        pixel_size = number_in(given, "pixel_size_um", where) if given else None
        psa = (row.get("psa_d50_um") or "").strip()
        split = (row.get("split") or "").strip() or TRAIN
        key = (*sorted(conditions.items()), magnification, split)
        for micrograph in read(path.parent / row["image"].strip(), pixel_size):
            tiles = cut_tiles(
                micrograph.pixels,
                micrograph.pixel_size_um,
                tile_pixel_um=info.pixel_size_um,
                tile_size=tile_size,
            )
            pooled.setdefault(key, []).append(tiles)
        if psa:
            diffraction.setdefault(key, []).append(number_in(psa, "psa_d50_um", where))
        labels[key] = LabelledTiles(conditions, magnification, np.empty((0, 0, 0), np.float32), split)
    return [
        replace(
            one,
            pixels=np.concatenate(pooled[key]),
            psa_d50_um=float(np.mean(diffraction[key])) if key in diffraction else math.nan,
        )
        for key, one in labels.items()
    ]
