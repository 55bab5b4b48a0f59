"""What was read a moment ago, and need not be read again for each who looks."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Reads at most once in ``kept_s`` seconds; those who ask meanwhile get what was read."""

    def __init__(self, read: Callable[[], Value], kept_s: float) -> None:
        self._read, self._kept_s = read, kept_s
        self._lock = threading.Lock()
        self._last: tuple[float, Value] | None = None

    def __call__(self) -> Value:
        """The value, read anew if it is older than that."""
        with self._lock:
            now = time.monotonic()
            if self._last is None or now - self._last[0] > self._kept_s:
                self._last = now, self._read()
            return self._last[1]

    def forget(self) -> None:
        """It was changed here just now."""
        self._last = None
