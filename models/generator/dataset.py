"""Reading a folder of labelled tiles: conditions, splits and images by magnification."""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from models.errors import UnusableInput
from models.generator.schema import GeneratorSchema

TRAIN = "train"


@dataclass(frozen=True)
class TileSet:
    """The tiles of one magnification: ``pixels`` uint8 (N, H, W), ``rows`` int32 (N,) into the conditions."""

    pixels: NDArray[np.uint8]
    rows: NDArray[np.int32]

    def of_row(self, row: int) -> NDArray[np.uint8]:
        """All tiles (k, H, W) of one condition."""
        return np.asarray(self.pixels[self.rows == row])


@dataclass(frozen=True)
class TileDataset:
    """Labelled tiles; every row of ``conditions`` has an entry in ``splits`` ("train" or any other)."""

    folder: Path
    schema: GeneratorSchema
    conditions: tuple[Mapping[str, float | str], ...]
    splits: tuple[str, ...]
    tiles: Mapping[int, TileSet]
    fingerprint: str

    @property
    def tile_size(self) -> int:
        """Side of a tile in pixels."""
        return int(next(iter(self.tiles.values())).pixels.shape[1])

    def rows_in(self, *splits: str) -> list[int]:
        """Indices of the conditions of these splits."""
        return [i for i, split in enumerate(self.splits) if split in splits]

    @property
    def held_out_splits(self) -> tuple[str, ...]:
        """Names of the splits that are not trained on, in order of appearance."""
        return tuple(dict.fromkeys(s for s in self.splits if s != TRAIN))

    def diffraction(self) -> list[float]:
        """The D50 by laser diffraction in µm, of the conditions for which it was given."""
        with (self.folder / "conditions.csv").open(newline="", encoding="utf-8") as stream:
            given = [line.get("psa_d50_um") for line in csv.DictReader(stream)]
        return [float(value) for value in given if value]

    def training_mask(self, magnification: int) -> NDArray[np.bool_]:
        """(N,) which tiles belong to training conditions."""
        training = np.array([s == TRAIN for s in self.splits])
        return np.asarray(training[self.tiles[magnification].rows])


def read_dataset(folder: Path) -> TileDataset:
    """Read a data set folder; tiles stay on disk (memory-mapped).

    Errors: :class:`UnusableInput` naming the file that is missing, malformed or inconsistent.
    """
    meta_file = folder / "dataset.json"
    try:
        raw = meta_file.read_bytes()
        schema = GeneratorSchema.model_validate(json.loads(raw))
    except FileNotFoundError as error:
        raise UnusableInput(
            f"{folder} is no data set: it has no dataset.json; give the folder that holds one."
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError, ValidationError) as error:
        first = str(error).splitlines()
        raise UnusableInput(
            f"{meta_file} cannot be understood ({'; '.join(first[:3])}): write the data set again."
        ) from error
    conditions, splits = _read_conditions(folder / "conditions.csv", schema)
    tiles = {m: _read_tiles(folder, m, len(conditions)) for m in schema.magnifications}
    digest = hashlib.sha256(raw)
    digest.update((folder / "conditions.csv").read_bytes())
    for tile_set in tiles.values():
        # A hash over every 97th tile: enough to tell two data sets apart without reading gigabytes.
        digest.update(np.ascontiguousarray(tile_set.pixels[::97]).tobytes())
        digest.update(np.ascontiguousarray(tile_set.rows).tobytes())
    return TileDataset(folder, schema, conditions, splits, tiles, digest.hexdigest())


def _read_conditions(
    path: Path, schema: GeneratorSchema
) -> tuple[tuple[Mapping[str, float | str], ...], tuple[str, ...]]:
    conditions: list[Mapping[str, float | str]] = []
    splits: list[str] = []
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            for line in csv.DictReader(stream):
                splits.append(line["split"])
                conditions.append(
                    {p.name: line[p.name] if p.categories else float(line[p.name]) for p in schema.parameters}
                )
    except FileNotFoundError as error:
        raise UnusableInput(f"{path.parent} has no conditions.csv: write the data set again.") from error
    except (KeyError, ValueError, TypeError) as error:
        raise UnusableInput(
            f"Line {len(splits) + 1} of {path} cannot be read ({error}); it needs the columns "
            f"{', '.join(p.name for p in schema.parameters)} and split."
        ) from error
    if TRAIN not in splits:
        raise UnusableInput(f"{path} marks no condition as {TRAIN!r}: mark those to train on.")
    return tuple(conditions), tuple(splits)


def _read_tiles(folder: Path, magnification: int, number: int) -> TileSet:
    try:
        pixels = np.load(folder / f"tiles_{magnification}.npy", mmap_mode="r", allow_pickle=False)
        rows = np.load(folder / f"rows_{magnification}.npy", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UnusableInput(
            f"The tiles of magnification {magnification} in {folder} cannot be read ({error}): "
            "write them again."
        ) from error
    if pixels.ndim != 3 or pixels.dtype != np.uint8 or pixels.shape[1] != pixels.shape[2]:
        raise UnusableInput(
            f"tiles_{magnification}.npy must hold uint8 squares (N, side, side), "
            f"but it holds {pixels.dtype} {pixels.shape}."
        )
    if rows.shape != pixels.shape[:1] or (len(rows) and not 0 <= rows.min() <= rows.max() < number):
        raise UnusableInput(
            f"rows_{magnification}.npy must name one of the {number} conditions for each of "
            f"{len(pixels)} tiles, but it has shape {rows.shape} and other values."
        )
    return TileSet(pixels, np.asarray(rows, dtype=np.int32))
