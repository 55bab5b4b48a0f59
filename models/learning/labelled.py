"""Labelled micrographs for fine-tuning: a CSV of image paths and the conditions they were made under."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.errors import UnusableInput
from models.learning.tiles import Image, cut_tiles
from models.micrographs import read
from models.values import Conditions

if TYPE_CHECKING:  # the schema's package is light, but only its types are needed here
    from models.generator.schema import GeneratorSchema

TRAIN = "train"


@dataclass(frozen=True)
class LabelledTiles:
    """Tiles (k, side, side) in [0, 1] of one condition at one magnification; ``split`` "train" or another."""

    conditions: Conditions
    magnification: int
    pixels: Image
    split: str


def read_labelled(path: Path, schema: "GeneratorSchema", tile_size: int) -> list[LabelledTiles]:
    """Tiles of every image named in a CSV file, pooled by condition and magnification.

    Columns: ``image`` (path, relative to the file), ``magnification``, one per parameter of ``schema`` that
    varies, and optionally ``pixel_size_um`` and ``split`` ("train" if empty; any other is held out to judge
    on). Errors: :class:`UnusableInput` naming the line and column that cannot be used.
    """
    pooled: dict[tuple[object, ...], list[Image]] = {}
    labels: dict[tuple[object, ...], LabelledTiles] = {}
    for number, row in _rows(path, schema):
        where = f"line {number} of {path}"
        conditions: dict[str, float | str] = {}
        for parameter in schema.parameters:
            text = (row.get(parameter.name) or "").strip()
            if not text and not parameter.varies:
                continue
            conditions[parameter.name] = (
                text if parameter.categories else _number(text, parameter.name, where)
            )
        magnification = round(_number(row["magnification"], "magnification", where))
        try:
            schema.check(conditions)
            info = schema.magnification(magnification)
        except UnusableInput as error:
            raise UnusableInput(f"In {where}: {error}") from error
        given = (row.get("pixel_size_um") or "").strip()
        pixel_size = _number(given, "pixel_size_um", where) if given else None
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
        labels[key] = LabelledTiles(conditions, magnification, np.empty((0, 0, 0), np.float32), split)
    return [
        LabelledTiles(one.conditions, one.magnification, np.concatenate(pooled[key]), one.split)
        for key, one in labels.items()
    ]


def _rows(path: Path, schema: "GeneratorSchema") -> Iterator[tuple[int, Mapping[str, str]]]:
    needed = ["image", "magnification", *(p.name for p in schema.parameters if p.varies)]
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise UnusableInput(
                    f"{path} lacks the columns {', '.join(missing)}; it needs {', '.join(needed)} "
                    "(and may have pixel_size_um and split)."
                )
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableInput(f"{path} cannot be read as a CSV file of labelled images ({error}).") from error
    if not rows:
        raise UnusableInput(f"{path} names no image; give one line per image below the column names.")
    for number, row in enumerate(rows, start=2):
        if not (row["image"] or "").strip():
            raise UnusableInput(f"Line {number} of {path} names no image.")
        yield number, row


def _number(text: str | None, name: str, where: str) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise UnusableInput(f"{name} in {where} is {text!r}; expected a number.") from None
