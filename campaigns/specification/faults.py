"""Faults of a campaign file: where, what was expected, what came."""

import difflib
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import InitErrorDetails, PydanticCustomError

from models.errors import UnusableInput

Location = tuple[int | str, ...]
"""Where in the file: keys and list positions from the top, e.g. ``("parameters", 1, "bounds")``."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
_short.maxlist = _short.maxdict = 4
_short.maxlevel = 2


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a campaign file; ``line`` counts from 1 and is None where it isn't known."""

    location: Location
    expected: str
    got: str
    line: int | None = None

    @property
    def path(self) -> str:
        """Path in the file, e.g. ``parameters[1].bounds``."""
        text = ""
        for part in self.location:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
        return text or "the file"

    def __str__(self) -> str:
        where = f"{self.path} (line {self.line})" if self.line else self.path
        return f"{where}: expected {self.expected}, got {self.got}"


class CampaignFileError(UnusableInput):
    """A campaign file that cannot be used; ``faults`` holds all that is wrong with it, one line each."""

    def __init__(self, file: Path, faults: Iterable[Fault]):
        self.file = file
        self.faults = tuple(faults)
        count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        super().__init__(f"The campaign file {file} has {count}; correct it and try again:{lines}")


def shown(value: object) -> str:
    """What came, short enough for one line and in the file's own words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"{str(value).lower()} (a truth value: quote it if a word such as NO or ON was meant)"
    if isinstance(value, int | float):
        return str(value) if len(str(value)) <= 40 else f"{str(value)[:37]}…"
    return _short.repr(value).replace("\n", " ")


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as ``; did you mean `bounds`?``, or nothing when no known name is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def error(expected: str, value: object, *, got: str | None = None) -> PydanticCustomError:
    """A fault for a validator to raise."""
    return PydanticCustomError(
        "fault",
        "expected {expected}, got {got}",
        {"expected": expected, "got": shown(value) if got is None else got},
    )


def detail(location: Location, expected: str, value: object, *, got: str | None = None) -> InitErrorDetails:
    """A fault at a place below the section that reports it."""
    return InitErrorDetails(type=error(expected, value, got=got), loc=location, input=value)
