"""Where a lab's state lives on disk."""

import os
import tempfile
from pathlib import Path

from models.errors import UnusableInput


def state_directory(create: bool = True) -> Path:
    """The state directory: ``MORPHOLOOP_HOME``, by default ``.morpholoop`` in the current folder.

    Errors: :class:`UnusableInput` when it cannot be made or written.
    """
    home = Path(os.environ.get("MORPHOLOOP_HOME") or ".morpholoop").absolute()
    if not create:
        return home
    try:
        home.mkdir(parents=True, exist_ok=True)
        # Creating a file is the only test that also sees read-only mounts and full disks.
        with tempfile.NamedTemporaryFile(dir=home, prefix=".writable-"):
            pass
    except OSError as error:
        raise UnusableInput(
            f"The state directory {home} cannot be written ({error.strerror or error}); "
            "set MORPHOLOOP_HOME to a folder you may write to."
        ) from error
    return home
