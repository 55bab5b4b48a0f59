"""Versions of the generator, read at most every few seconds however many look."""

import threading
import time
from pathlib import Path

from models.generator.registry import Version, versions

KEPT_S = 3.0


class Versions:
    """The versions of a state directory."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._read_at = -KEPT_S
        self._found: tuple[Version, ...] = ()

    def __call__(self) -> tuple[Version, ...]:
        """All versions, shipped ones first."""
        with self._lock:
            if time.monotonic() - self._read_at > KEPT_S:
                self._found = versions(self._home)
                self._read_at = time.monotonic()
            return self._found

    def changed(self) -> None:
        """Another version was made current just now."""
        self._read_at = -KEPT_S
