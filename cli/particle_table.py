"""A table with one row for every particle found, measured or not, as CSV or Parquet."""

import csv
import io
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from cli.drawing import write_atomically
from models.errors import UnusableInput
from models.morphology import FieldMeasurement
from models.morphology.standing import Standing, standings

COLUMNS = (
    "image", "page", "particle", "standing", "x_px", "y_px",
    "diameter_um", "area_um2", "sphericity", "weight",
)  # fmt: skip
SUFFIXES = (".csv", ".parquet")
WORDS = {Standing.WHOLE: "not resolved", Standing.CUT: "cut by the frame", Standing.HIDDEN: "partly hidden"}

Row = tuple[str, int | None, int, str, float, float, float | None, float | None, float | None, float | None]


def check_place(path: Path) -> None:
    """Refuse a table that could not be written at the end of the work. Errors: :class:`UnusableInput`."""
    if path.suffix.lower() not in SUFFIXES:
        raise UnusableInput(f"--table {path}: expected a name ending in {' or '.join(SUFFIXES)}.")
    if path.suffix.lower() == ".parquet":
        _arrow()


def particle_rows(file: Path, page: int | None, field: FieldMeasurement) -> tuple[Row, ...]:
    """A row of :data:`COLUMNS` for each particle of a field; none for a field of another kind.

    Places are centroids in pixels of the image. Particles that could not be measured have no sizes, and
    those too small for a sphericity none.
    """
    labels = field.labels
    if field.kind != "particles" or labels is None or "label" not in field.samples:
        return ()
    area = np.bincount(labels.ravel())[1:]
    places = [
        np.bincount(labels.ravel(), np.broadcast_to(axis, labels.shape).ravel())[1:] / np.maximum(area, 1)
        for axis in np.ogrid[: labels.shape[0], : labels.shape[1]]
    ]
    measured = {int(label): index for index, label in enumerate(field.samples["label"])}
    rows: list[Row] = []
    for label, standing in enumerate(standings(labels).tolist(), start=1):
        if not area[label - 1]:
            continue
        y, x = (round(float(place[label - 1]), 1) for place in places)
        index = measured.get(label)
        if index is None:
            rows.append((str(file), page, label, WORDS[standing], x, y, None, None, None, None))
            continue
        diameter, shape, weight = (
            float(field.samples[name][index]) for name in ("diameter_um", "sphericity", "weight")
        )
        size = np.pi / 4 * diameter**2
        told = shape if np.isfinite(shape) else None
        rows.append((str(file), page, label, "measured", x, y, diameter, size, told, weight))
    return tuple(rows)


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as CSV or Parquet, by the suffix of ``path``; whole or not at all.

    Errors: :class:`UnusableInput` when the file cannot be written.
    """
    if path.suffix.lower() == ".parquet":
        arrow, parquet = _arrow()
        word, count, number = arrow.string(), arrow.int32(), arrow.float64()
        kinds = (word, count, count, word, *[number] * 6)
        columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
        arrays = [arrow.array(one, kind) for one, kind in zip(columns, kinds, strict=True)]
        table = arrow.table(arrays, names=list(COLUMNS))
        write_atomically(path, lambda file: parquet.write_table(table, file))
        return
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([f"{one:.6g}" if isinstance(one, float) else one for one in row] for row in rows)
    write_atomically(path, lambda file: file.write(text.getvalue().encode()))


def _arrow() -> tuple[Any, Any]:
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise UnusableInput(
            "Parquet tables need pyarrow, which is not installed; run `pip install pyarrow`, "
            "or name a .csv file."
        ) from error
    return pyarrow, parquet
