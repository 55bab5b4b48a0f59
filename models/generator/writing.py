"""Files that are whole or absent, and what a person is told when the disk does not take them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from models.errors import UnusableInput


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """What is written within goes to ``place``.

    Errors: :class:`UnusableInput` when the disk does not take it.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise UnusableInput(
            f"{place} cannot be written ({_reason(error)}); make room or give a folder you may write to, "
            "and give the command again."
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write or replace a small file, whole or not at all. Errors: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _reason(error: Exception) -> str:
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        # Of many files (from, to, reason) the first says enough, without the two paths in it.
        return str(error.args[0][0][2]).partition(": ")[0].partition("] ")[2]
    return str(getattr(error, "strerror", None) or error)
