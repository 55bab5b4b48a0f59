"""The folder of a version without its networks: its record, the checksums of its files, and their check."""

import hashlib
import json
import os
from pathlib import Path

from pydantic import ValidationError

from models.errors import UnusableInput
from models.generator.record import FORMAT, GeneratorRecord

RECORD = "morpholoop.json"
MANIFEST = "manifest.json"
ALLOWED_SUFFIXES = {".json", ".safetensors"}


def read_record(folder: Path) -> GeneratorRecord:
    """The record of a version, without touching weights.

    Errors: :class:`UnusableInput` when the folder is no version of this format.
    """
    path = folder / RECORD
    try:
        record = GeneratorRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UnusableInput(
            f"{folder} is no generator: it has no readable {RECORD}; "
            "give a folder written by `morpholoop model`."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UnusableInput(
            f"{path} is damaged ({where}: {first['msg']}): restore the version or use another."
        ) from error
    if record.format != FORMAT:
        raise UnusableInput(
            f"{folder} has format {record.format}, but this morpholoop reads format {FORMAT}: "
            "export it again with the program that wrote it."
        )
    return record


def verify(folder: Path) -> None:
    """Check every file of a version against its manifest.

    Errors: :class:`UnusableInput` naming the first file that is missing, changed or foreign.
    """
    try:
        expected = json.loads((folder / MANIFEST).read_bytes())["sha256"]
        names = set(expected)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableInput(
            f"{folder} has no readable {MANIFEST}, so its weights cannot be trusted: "
            "export the version again."
        ) from error
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {MANIFEST}
    for name in sorted(names | present):
        if name not in present:
            raise UnusableInput(
                f"{folder} is incomplete: {name} is missing; restore the version or use another."
            )
        if name not in names or Path(name).suffix not in ALLOWED_SUFFIXES:
            raise UnusableInput(f"{folder} holds {name}, which is not part of the version: remove it.")
        if _sha256(folder / name) != expected[name]:
            raise UnusableInput(
                f"{folder / name} is damaged (its checksum differs from {MANIFEST}): restore the version."
            )


def write_manifest(folder: Path) -> None:
    """Write the checksums of every file of ``folder`` and flush all of them to disk."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    sums = {p.relative_to(folder).as_posix(): _sha256(p) for p in files}
    (folder / MANIFEST).write_text(json.dumps({"sha256": sums}, indent=1), encoding="utf-8")
    for path in [*files, folder / MANIFEST]:
        flush(path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def flush(path: Path) -> None:
    """Have a file, or the names in a folder, written to the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
