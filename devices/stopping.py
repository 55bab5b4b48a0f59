"""Stop orders: files that stop a lab from outside and hold it until they are cleared."""

import getpass
import json
import os
import re
import socket
import tempfile
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from devices.clock import iso
from devices.errors import LabError

STOP = "STOP"


@dataclass(frozen=True)
class StopOrder:
    """Why a lab is to stop, on whose word, and since when (ISO 8601, UTC)."""

    reason: str
    author: str
    at: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def now(cls, reason: str, author: str = "") -> "StopOrder":
        """An order of this moment, by the person at the keyboard unless another is named."""
        return cls(reason, author or person(), iso(datetime.now(UTC)))

    def told(self) -> str:
        """The order in one clause."""
        return f"{self.reason} (ordered by {self.author} at {self.at})"


def stop_file(folder: Path, lab: str) -> Path:
    """Where an order to the lab of this name lies in the folder of its kind of labs."""
    return folder / f"{STOP}-{re.sub(r'[^A-Za-z0-9._-]+', '_', lab)}"


def give(order: StopOrder, path: Path) -> None:
    """Have an order stand at ``path``, whole or not at all. Errors: :class:`LabError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".stop-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(order), file)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise LabError(
            f"The stop order cannot be written to {path} ({error.strerror or error}): nothing was stopped; "
            "use the hardware's own stop."
        ) from error


def standing(paths: Iterable[Path]) -> tuple[Path, StopOrder] | None:
    """The first order that stands, with its file. Any file there is an order, whatever is in it."""
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
            written = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
        except OSError as error:
            # Closed on failure: a file that cannot be read may well be an order.
            return path, StopOrder(
                f"{path} cannot be read ({error.strerror or error})", "unknown", "", str(path)
            )
        try:
            return path, StopOrder(**json.loads(text))
        except (ValueError, TypeError):
            at = iso(datetime.fromtimestamp(written / 1e9, UTC))
            return path, StopOrder(" ".join(text.split()) or "no reason given", "unknown", at, f"{written}")
    return None


def person() -> str:
    """Who is at the keyboard, as the operating system knows them."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown user"
    return f"{user}@{socket.gethostname()}"
