"""The clock of the simulated lab: time passes only while a plan waits, from one event to the next."""

import contextlib
import heapq
import itertools
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from ophyd.utils import InvalidState

from devices.clock import iso
from devices.errors import LabError

START = datetime(2026, 1, 1, tzinfo=UTC)

# Computing (a rendered field, a written file) takes wall time that the virtual clock does not show.
COMPUTING_ALLOWANCE_S = 300.0


class Timer:
    """Something that will happen at ``due_s`` seconds of the clock, unless it is cancelled."""

    def __init__(self, due_s: float, action: Callable[[], None]) -> None:
        self.due_s, self.action, self.cancelled = due_s, action, False

    def cancel(self) -> None:
        """It will not happen."""
        self.cancelled = True


class VirtualClock:
    """Seconds since ``start``, moved on by events.

    Because nothing moves while a plan is still giving orders, orders given together happen at the same
    moment, and the same plan takes the same virtual time on every machine. ``real_time_factor`` (virtual
    seconds in a real one) makes a demonstration last; without it time jumps.
    """

    def __init__(
        self, *, start: datetime = START, elapsed_s: float = 0.0, real_time_factor: float | None = None
    ) -> None:
        if real_time_factor is not None and not real_time_factor > 0:
            raise LabError(
                f"The clock's real_time_factor is {real_time_factor:g}; expected more than 0, or none."
            )
        self._start, self._elapsed_s, self._factor = start, elapsed_s, real_time_factor
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._leave = threading.Event()

    def elapsed_s(self) -> float:
        """Virtual seconds since the start."""
        return self._elapsed_s

    def hours(self) -> float:
        """Virtual hours since the start."""
        return self._elapsed_s / 3600.0

    def now(self) -> datetime:
        """The virtual date and time."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def at(self, elapsed_s: float) -> str:
        """The virtual date and time of a moment, ISO 8601."""
        return iso(self._start + timedelta(seconds=elapsed_s))

    def iso(self) -> str:
        """The virtual date and time, ISO 8601."""
        return iso(self.now())

    def wall_seconds(self, lab_seconds: float) -> float:
        """What the wall may see of ``lab_seconds``, with an allowance for computing."""
        return COMPUTING_ALLOWANCE_S + (lab_seconds / self._factor if self._factor else 0.0)

    def after(self, delay_s: float, action: Callable[[], None]) -> Timer:
        """Call ``action`` when ``delay_s`` virtual seconds have passed (0: as soon as a plan waits)."""
        with self._lock:
            timer = Timer(self._elapsed_s + max(0.0, delay_s), action)
            heapq.heappush(self._timers, (timer.due_s, next(self._order), timer))
        return timer

    def waiting(self, statuses: Collection[Any] | None = None) -> None:
        """Let time pass until ``statuses`` are done; None: nobody waits any more. Returns at once."""
        self._leave.set()
        if statuses:
            self._leave = threading.Event()
            threading.Thread(
                target=self._pass, args=(tuple(statuses), self._leave), name="virtual-clock", daemon=True
            ).start()

    def _pass(self, statuses: tuple[Any, ...], leave: threading.Event) -> None:
        while not leave.is_set() and not all(status.done for status in statuses):
            with self._lock:
                while self._timers and self._timers[0][2].cancelled:
                    heapq.heappop(self._timers)
                if not self._timers:
                    return
                due_s = self._timers[0][0]
            if self._factor and leave.wait(max(0.0, due_s - self._elapsed_s) / self._factor):
                return
            with self._lock:
                _, _, timer = heapq.heappop(self._timers)
                if timer.cancelled:
                    continue
                self._elapsed_s = max(self._elapsed_s, timer.due_s)
            try:
                timer.action()
            except Exception as error:
                # Whoever waits for what this event should have brought must not wait for ever.
                for status in statuses:
                    with contextlib.suppress(InvalidState):
                        status.set_exception(error)
                return
