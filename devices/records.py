"""What a device itself knows of a dispatch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from devices.errors import LabError

Conditions = Mapping[str, float | str]
"""Set-points by name, in the units of the lab file."""

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class RunRecord:
    """One batch as the reactor's controller remembers it.

    ``state``: "running", "done" (the sample is there) or "fault" (stopped or failed, see ``reason``; there
    is no sample and the key cannot be used again). ``started_at`` and ``finished_at`` are the lab's time,
    ISO 8601, empty while it runs. ``starts`` counts how often the reactor was started for this key.
    ``reached`` is what a person says was reached of the ``conditions``; empty where nobody said anything.
    """

    key: str
    state: Literal["running", "done", "fault"]
    started_at: str
    finished_at: str
    conditions: Conditions
    starts: int
    reason: str = ""
    reached: Conditions = field(default_factory=dict)


def check_key(key: str) -> None:
    """Raise :class:`LabError` unless ``key`` can be a run id and part of a file name."""
    if not _KEY.fullmatch(key):
        raise LabError(
            f"The dispatch key {key!r} cannot be used; expected up to 100 letters, digits, '.', '_' and '-', "
            "starting with a letter or a digit."
        )
