"""Tables of labelled micrographs: a line per image with the conditions that it was made under."""

import csv
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

import yaml

from models.errors import UnusableInput

YAML = (".yaml", ".yml")


def labelled_rows(path: Path, needed: Sequence[str]) -> list[tuple[str, Mapping[str, str]]]:
    """(where, cells) of each image of a CSV or YAML file; every one has the columns ``needed``.

    YAML: a list of mappings; ``image`` may be a list of files of one condition. Errors:
    :class:`UnusableInput`.
    """
    rows = _yaml_rows(path, needed) if path.suffix.lower() in YAML else _csv_rows(path, needed)
    if not rows:
        raise UnusableInput(f"{path} names no image; give one line per image below the column names.")
    for where, row in rows:
        if not row.get("image", "").strip():
            raise UnusableInput(f"{where[0].upper()}{where[1:]} names no image.")
    return rows


def number_in(text: str | None, name: str, where: str) -> float:
    """The number of a cell. Errors: :class:`UnusableInput`."""
    try:
        return float(text or "")
    except ValueError:
        raise UnusableInput(f"{name} in {where} is {text!r}; expected a number.") from None


def _csv_rows(path: Path, needed: Sequence[str]) -> list[tuple[str, Mapping[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            _check(path, needed, reader.fieldnames or ())
            return [
                (f"line {number} of {path}", {name: cell or "" for name, cell in row.items() if name})
                for number, row in enumerate(reader, start=2)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableInput(f"{path} cannot be read as a CSV file of labelled images ({error}).") from error


def _yaml_rows(path: Path, needed: Sequence[str]) -> list[tuple[str, Mapping[str, str]]]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        told = " ".join(str(error).split())
        raise UnusableInput(f"{path} cannot be read as a YAML file of labelled images ({told}).") from error
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        raise UnusableInput(f"{path} must be a list of entries with {', '.join(needed)}.")
    rows: list[tuple[str, Mapping[str, str]]] = []
    for number, entry in enumerate(content, start=1):
        _check(path, needed, entry)
        images = entry["image"] if isinstance(entry["image"], list) else [entry["image"]]
        cells = {str(name): "" if value is None else str(value) for name, value in entry.items()}
        rows += [(f"entry {number} of {path}", {**cells, "image": str(image or "")}) for image in images]
    return rows


def _check(path: Path, needed: Sequence[str], there: Container[object]) -> None:
    missing = [name for name in needed if name not in there]
    if missing:
        raise UnusableInput(
            f"{path} lacks the columns {', '.join(missing)}; it needs {', '.join(needed)} "
            "(and may have pixel_size_um, split and psa_d50_um)."
        )
