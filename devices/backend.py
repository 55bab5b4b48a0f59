"""What stands behind the devices of a lab: hardware, or a simulation."""

from pathlib import Path
from typing import Protocol

from devices.clock import Clock, SystemClock


class Backend(Protocol):
    """Made once for a lab and handed to each of its devices."""

    @property
    def clock(self) -> Clock:
        """The time that the devices live by."""
        ...

    def note_stop(self, reason: str) -> None:
        """Write down that the lab was stopped, and why."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


class DirectBackend:
    """For devices that need the time of day and a folder for their records, ``state_dir``."""

    def __init__(self, *, state_dir: Path = Path(), seed: int = 0) -> None:
        self.clock = SystemClock()
        self.state_dir = state_dir

    def note_stop(self, reason: str) -> None:
        """Nothing to write: the devices keep their own journals."""

    def close(self) -> None:
        """Nothing is held."""
