"""What a command prints: one JSON object, or something a person likes to read; progress on standard error."""

import dataclasses
import json
import math
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from rich.console import Console

console = Console(stderr=True, highlight=False)
"""Where progress, notes and warnings go: standard error, so that standard output stays machine-readable."""


def emit(obj: object, as_json: bool, human: Callable[[], object] | None = None) -> None:
    """Print ``obj`` as one JSON object on standard output, or let ``human`` tell it to a person.

    ``human`` returns a string or anything that rich can print (printed on standard output), or prints by
    itself and returns None. Without ``human`` the JSON is printed in both cases, indented for a person.
    """
    if as_json:
        sys.stdout.write(json.dumps(plain(obj), allow_nan=False) + "\n")
    elif human is None:
        sys.stdout.write(json.dumps(plain(obj), allow_nan=False, indent=2) + "\n")
    else:
        shown = human()
        if shown is not None:
            Console(highlight=False, soft_wrap=True).print(shown)
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """``value`` in JSON's own types; NaN and infinity become null, as JSON knows neither."""
    if value is None or isinstance(value, bool | int | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        told = [field.name for field in dataclasses.fields(value) if field.metadata.get("told", True)]
        return {name: plain(getattr(value, name)) for name in told}
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    if hasattr(value, "tolist"):  # numpy scalars and arrays, without importing numpy for a one-line answer
        return plain(value.tolist())
    raise TypeError(f"A {type(value).__name__} has no JSON form.")
