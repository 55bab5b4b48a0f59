"""The clock that the lab lives by; injected, so that a simulated lab can make weeks pass in minutes."""

import threading
from collections.abc import Callable, Collection, Hashable
from datetime import UTC, datetime
from typing import Any, Protocol


class Timeout(Protocol):
    """Something that will happen, unless it is cancelled."""

    def cancel(self) -> None:
        """It will not happen."""
        ...


class Clock(Protocol):
    """The lab's time. Only a device's back end makes it pass; nobody sleeps to let time go by."""

    def now(self) -> datetime:
        """The lab's date and time, with its zone."""
        ...

    def hours(self) -> float:
        """Hours since the lab's clock began."""
        ...

    def iso(self) -> str:
        """:meth:`now` in ISO 8601, UTC."""
        ...

    def wall_seconds(self, lab_seconds: float) -> float:
        """The longest that ``lab_seconds`` of the lab may take by the wall, in seconds (for timeouts)."""
        ...

    def after(self, delay_s: float, action: Callable[[], None], /) -> Timeout:
        """Call ``action`` when ``delay_s`` seconds of the lab have passed."""
        ...

    def waiting(self, statuses: Collection[Any] | None = None, who: Hashable = None) -> None:
        """Called when the plan of ``who`` begins to wait for ``statuses``, with None when it goes on."""
        ...

    def hold(self, who: Hashable) -> None:
        """Called when ``who`` begins to work: where time jumps, it stands still but while ``who`` waits."""
        ...

    def let_go(self, who: Hashable) -> None:
        """Called when ``who`` is done working, or waits for somebody else who works."""
        ...


class SystemClock:
    """The time of day, for hardware; its hours count from when the lab was opened."""

    def __init__(self) -> None:
        self._opened = datetime.now(UTC)

    def now(self) -> datetime:
        """The date and time, UTC."""
        return datetime.now(UTC)

    def hours(self) -> float:
        """Hours since the lab was opened."""
        return (self.now() - self._opened).total_seconds() / 3600.0

    def iso(self) -> str:
        """The date and time in ISO 8601, UTC."""
        return iso(self.now())

    def wall_seconds(self, lab_seconds: float) -> float:
        """A second is a second."""
        return lab_seconds

    def after(self, delay_s: float, action: Callable[[], None], /) -> Timeout:
        """Call ``action`` from a thread of its own."""
        timer = threading.Timer(delay_s, action)
        timer.daemon = True
        timer.start()
        return timer

    def waiting(self, statuses: Collection[Any] | None = None, who: Hashable = None) -> None:
        """Nothing to do: time passes by itself."""

    def hold(self, who: Hashable) -> None:
        """Nothing holds it."""

    def let_go(self, who: Hashable) -> None:
        """Nothing held it."""


def iso(moment: datetime) -> str:
    """``moment`` in ISO 8601, UTC, to the second, e.g. ``2026-01-01T08:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
