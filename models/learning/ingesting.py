"""From a table of labelled micrographs to a data set that a generator can be trained on."""

import csv
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.errors import UnusableInput
from models.generator.schema import TIME_UNIT, GeneratorSchema, MagnificationInfo, ParameterRange
from models.learning.labelled import TRAIN, LabelledTiles, read_labelled
from models.learning.table import labelled_rows, number_in
from models.micrographs import read
from models.values import Parameter

TILE_SIZE = 128
HOLD_OUT = 0.1


@dataclass(frozen=True)
class Subject:
    """What a data set is about: the material, its process parameters, and what each magnification shows."""

    material: str
    parameters: tuple[Parameter, ...]
    views: Mapping[int, tuple[str, ...]]
    simulated: bool = False


def ingest(
    table: Path,
    folder: Path,
    subject: Subject,
    *,
    tile_um: Mapping[int, float] | None = None,
    tile_size: int = TILE_SIZE,
    hold_out: float = HOLD_OUT,
) -> None:
    """Write the images of ``table`` (:func:`models.learning.labelled.read_labelled`) as a data set.

    ``tile_um``: magnification → side of a tile in µm (default: the height of the smallest image). Where the
    table has no splits, the share ``hold_out`` of the conditions is held out to judge on, the same ones every
    time. The folder is complete or not there. Errors: :class:`UnusableInput`.
    """
    if folder.exists():
        raise UnusableInput(f"{folder} exists already; choose another name, or remove it first.")
    if not 0 <= hold_out < 1:
        raise UnusableInput(f"The share {hold_out:g} cannot be held out; give one from 0 up to, but not, 1.")
    sides = dict(tile_um or {})
    rows = labelled_rows(table, ["image", "magnification", *(p.name for p in subject.parameters)])
    magnifications = {}
    for magnification in sorted({_magnification(where, row, subject) for where, row in rows}):
        side = sides.pop(magnification, None) or _smallest_height(table, rows, magnification)
        info = MagnificationInfo(
            pixel_size_um=side / tile_size, descriptors=tuple(subject.views[magnification])
        )
        magnifications[magnification] = info
    if sides:
        raise UnusableInput(f"{table} has no image of magnification {min(sides)}, for which a tile is given.")
    parameters = tuple(_range(one, rows) for one in subject.parameters)
    schema = GeneratorSchema(
        material=subject.material,
        simulated=subject.simulated,
        parameters=parameters,
        magnifications=magnifications,
        time_parameter=_time(parameters),
    )
    labelled = read_labelled(table, schema, tile_size)
    _write(folder, schema, labelled, hold_out, table)


def _magnification(where: str, row: Mapping[str, str], subject: Subject) -> int:
    found = round(number_in(row["magnification"], "magnification", where))
    if found not in subject.views:
        known = ", ".join(str(one) for one in sorted(subject.views))
        raise UnusableInput(
            f"The magnification {found} in {where} has no view in the campaign, which images at {known}; "
            "add a view with its descriptors, or leave the image out."
        )
    return found


def _smallest_height(table: Path, rows: Sequence[tuple[str, Mapping[str, str]]], magnification: int) -> float:
    heights: list[float] = []
    for where, row in rows:
        if round(float(row["magnification"])) == magnification:
            given = row.get("pixel_size_um", "").strip()
            size = number_in(given, "pixel_size_um", where) if given else None
            for page in read(table.parent / row["image"].strip(), size):
                heights.append(float(min(page.pixels.shape) * page.pixel_size_um))
    return min(heights)


def _range(parameter: Parameter, rows: Sequence[tuple[str, Mapping[str, str]]]) -> ParameterRange:
    """What the table covers of a parameter."""
    if parameter.categories:
        seen = {row[parameter.name].strip() for _, row in rows}
        for where, row in rows:
            if row[parameter.name].strip() not in parameter.categories:
                raise UnusableInput(
                    f"{parameter.name} in {where} is {row[parameter.name]!r}; "
                    f"the campaign knows {', '.join(parameter.categories)}."
                )
        return ParameterRange(
            name=parameter.name, categories=tuple(one for one in parameter.categories if one in seen)
        )
    values = [number_in(row[parameter.name], parameter.name, where) for where, row in rows]
    if not all(map(math.isfinite, values)):
        raise UnusableInput(f"{parameter.name} must be a finite number in every line.")
    return ParameterRange(
        name=parameter.name,
        unit=parameter.unit,
        low=min(values),
        high=max(values),
        step=parameter.step or 0.0,
    )


def _time(parameters: Sequence[ParameterRange]) -> str | None:
    """The one parameter that is a time, if there is just one."""
    found = [one.name for one in parameters if one.unit == TIME_UNIT and one.low > 0 and one.varies]
    return found[0] if len(found) == 1 else None


def _write(
    folder: Path, schema: GeneratorSchema, labelled: Sequence[LabelledTiles], hold_out: float, table: Path
) -> None:
    conditions = [
        dict(key) for key in dict.fromkeys(tuple(sorted(one.conditions.items())) for one in labelled)
    ]
    splits = _splits(conditions, labelled, hold_out, table)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".ingesting-") as making:
        made = Path(making) / folder.name
        made.mkdir()
        for magnification in schema.magnifications:
            here = [one for one in labelled if one.magnification == magnification]
            pixels = np.concatenate([one.pixels for one in here])
            owners = np.repeat(
                [conditions.index(dict(one.conditions)) for one in here], [len(one.pixels) for one in here]
            )
            np.save(made / f"tiles_{magnification}.npy", (pixels * 255.0 + 0.5).astype(np.uint8))
            np.save(made / f"rows_{magnification}.npy", owners.astype(np.int32))
        with (made / "conditions.csv").open("w", newline="", encoding="utf-8") as stream:
            names = [p.name for p in schema.parameters]
            writer = csv.DictWriter(stream, ["row", *names, "split", "psa_d50_um"])
            writer.writeheader()
            for row, (one, split) in enumerate(zip(conditions, splits, strict=True)):
                psa = [
                    tiles.psa_d50_um
                    for tiles in labelled
                    if dict(tiles.conditions) == one and math.isfinite(tiles.psa_d50_um)
                ]
                writer.writerow(
                    {"row": row, **one, "split": split, "psa_d50_um": float(np.mean(psa)) if psa else ""}
                )
        meta = {**schema.model_dump(mode="json"), "source": table.name}
        (made / "dataset.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
        os.rename(made, folder)


def _splits(
    conditions: Sequence[Mapping[str, float | str]],
    labelled: Sequence[LabelledTiles],
    hold_out: float,
    table: Path,
) -> list[str]:
    given: list[set[str]] = [
        {tiles.split for tiles in labelled if dict(tiles.conditions) == one} for one in conditions
    ]
    for one, splits in zip(conditions, given, strict=True):
        if len(splits) > 1:
            raise UnusableInput(
                f"{table} has the condition {dict(one)} in the splits {' and '.join(sorted(splits))}; "
                "what is judged on must not be trained on: give one split to each condition."
            )
    if any(splits != {TRAIN} for splits in given):
        return [next(iter(splits)) for splits in given]
    wanted = round(hold_out * len(conditions))
    if hold_out and len(conditions) > 2:
        wanted = max(1, wanted)
    chosen = set(np.random.default_rng(len(conditions)).permutation(len(conditions))[:wanted].tolist())
    return ["held_out" if row in chosen else TRAIN for row in range(len(conditions))]
