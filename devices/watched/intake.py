"""What was taken in from a watched folder, and what lay there before: a journal, appended and fsynced."""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devices.errors import LabError


@dataclass(frozen=True)
class Signature:
    """What tells whether a file has changed: its size in bytes, and when it and its side-car were written."""

    size: int
    written_ns: int
    beside_ns: int = 0


@dataclass(frozen=True)
class Taken:
    """The file that became a field: its name, its signature and the SHA-256 of its bytes (hex)."""

    key: str
    magnification: float
    field: int
    name: str
    signature: Signature
    sha256: str


class Intake:
    """The journal at ``path``; a last line that a crash cut off is dropped, as never begun."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._taken: list[Taken] = []
        self._before: dict[tuple[str, float], dict[str, Signature]] = {}
        self._read()

    def before(self, key: str, magnification: float) -> Mapping[str, Signature] | None:
        """What lay in the folder when this sample was first asked for; None: it never was."""
        return self._before.get((key, magnification))

    def note_before(self, key: str, magnification: float, files: Mapping[str, Signature]) -> None:
        """Write down what lies in the folder as a sample is first asked for."""
        told = {name: asdict(signature) for name, signature in files.items()}
        self._append({"event": "before", "key": key, "magnification": magnification, "files": told})
        self._before[key, magnification] = dict(files)

    def taken(self, key: str, magnification: float, field: int) -> Taken | None:
        """The file that this field was taken from, if it was."""
        wanted = (key, magnification, field)
        return next((t for t in self._taken if (t.key, t.magnification, t.field) == wanted), None)

    def note_taken(self, taken: Taken) -> None:
        """Write down that a file became a field."""
        self._append({"event": "taken", **asdict(taken)})
        self._taken.append(taken)

    def known(self, name: str, signature: Signature) -> bool:
        """Whether this very file was taken in before; a side-car that came later makes it no other."""
        return any(
            t.name == name
            and (t.signature.size, t.signature.written_ns) == (signature.size, signature.written_ns)
            for t in self._taken
        )

    def same_content(self, sha256: str) -> Taken | None:
        """The field that has this content, if one has."""
        return next((t for t in self._taken if t.sha256 == sha256), None)

    def _append(self, entry: Mapping[str, Any]) -> None:
        try:
            with self._lock:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            raise LabError(
                f"The journal {self.path} cannot be written ({error.strerror or error}); make room."
            ) from error

    def _read(self) -> None:
        try:
            content = self.path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.truncate(self.path, whole)
            for line in content[:whole].splitlines():
                entry = json.loads(line)
                event = entry.pop("event")
                if event == "before":
                    files = {name: Signature(**told) for name, told in entry["files"].items()}
                    self._before[entry["key"], entry["magnification"]] = files
                elif event == "taken":
                    self._taken.append(Taken(**{**entry, "signature": Signature(**entry["signature"])}))
        except FileNotFoundError:
            return
        except OSError as error:
            raise LabError(f"The journal {self.path} cannot be read ({error.strerror or error}).") from error
        except (ValueError, KeyError, TypeError) as error:
            raise LabError(
                f"The journal {self.path} is damaged ({error}), so what was taken in cannot be told; "
                "restore it from a backup, or use another state directory."
            ) from error
