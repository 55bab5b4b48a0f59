"""The content-addressed store: micrographs and pictures by the SHA-256 of their bytes, whole or not there."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from models.errors import UnusableInput


@dataclass(frozen=True)
class StoredFile:
    """A file in the store: where it is, the SHA-256 of its bytes (hex), its size in bytes."""

    path: Path
    sha256: str
    size: int


def put(source: Path | bytes, folder: Path, suffix: str | None = None) -> StoredFile:
    """Put a file (or given bytes) into ``folder`` under their SHA-256; a repeat changes nothing.

    ``suffix`` (with its dot) is the source file's own by default. The bytes go to a temporary name, are
    fsynced and then renamed, so that a crash leaves either the whole file or none.
    Errors: :class:`UnusableInput` when the folder cannot be written or the source cannot be read.
    """
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        ending = suffix if suffix is not None else source.suffix if isinstance(source, Path) else ""
        target = folder / digest[:2] / f"{digest}{ending}"
        if not target.exists():
            _write_whole(content, target)
    except OSError as error:
        raise UnusableInput(
            f"{source if isinstance(source, Path) else 'A picture'} cannot be stored in {folder} "
            f"({error.strerror or error}); free some space or make the folder writable."
        ) from error
    return StoredFile(target, digest, len(content))


def put_as(content: bytes, path: Path) -> None:
    """Write a picture under a name of its own, whole or not at all. Errors: :class:`UnusableInput`."""
    try:
        _write_whole(content, path)
    except OSError as error:
        raise UnusableInput(
            f"{path} cannot be written ({error.strerror or error}); make room or its folder writable."
        ) from error


def verify(path: Path, sha256: str) -> None:
    """Check that a stored file still has its bytes.

    Errors: :class:`UnusableInput` when it is missing or its checksum is another.
    """
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UnusableInput(
            f"The stored file {path} cannot be read ({error.strerror or error}); restore it from a backup."
        ) from error
    if found != sha256:
        raise UnusableInput(
            f"The stored file {path} has changed: its SHA-256 is {found[:12]}… and the ledger says "
            f"{sha256[:12]}…; restore it from a backup."
        )


def _write_whole(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".incoming-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:  # an interrupt, too, leaves no half file; it goes on
        os.unlink(name)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        # The name itself is only durable once its folder is.
        os.fsync(folder)
    finally:
        os.close(folder)
