"""The clock of the simulated lab: time passes only while everybody waits, from one event to the next."""

import contextlib
import heapq
import itertools
import threading
from collections.abc import Callable, Collection, Hashable
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
    moment, and the same plan takes the same virtual time on every machine. Of several that live by the
    clock, each one that works holds it: time passes while all of them wait. ``real_time_factor`` (virtual
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
        self._held: set[Hashable] = set()
        self._waits: dict[Hashable, tuple[Any, ...]] = {}
        self._lock = threading.Lock()
        self._one_event = threading.Lock()
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

    def hold(self, who: Hashable) -> None:
        """Time stands still, but while ``who`` waits, until :meth:`let_go`."""
        with self._lock:
            self._held.add(who)
            self._waits.pop(who, None)

    def let_go(self, who: Hashable) -> None:
        """``who`` does not hold the clock any more. Returns at once."""
        with self._lock:
            self._held.discard(who)
            self._waits.pop(who, None)
        self._go_on()

    def waiting(self, statuses: Collection[Any] | None = None, who: Hashable = None) -> None:
        """Let time pass until ``statuses`` are done; None: ``who`` waits no more. Returns at once."""
        with self._lock:
            if statuses:
                self._waits[who] = tuple(statuses)
            else:
                self._waits.pop(who, None)
        self._go_on()

    def _go_on(self) -> None:
        """Have time pass from now on, if it may, by the present waits."""
        self._leave.set()
        with self._lock:
            if not self._may_pass():
                return
            self._leave = leave = threading.Event()
        threading.Thread(target=self._pass, args=(leave,), name="virtual-clock", daemon=True).start()

    def _may_pass(self) -> bool:
        """Whether somebody waits, and everybody whom time would leave behind does."""
        return (
            bool(self._waits)
            and self._held <= self._waits.keys()
            and not any(map(_over, self._waits.values()))
        )

    def _pass(self, leave: threading.Event) -> None:
        while True:
            with self._lock:
                while self._timers and self._timers[0][2].cancelled:
                    heapq.heappop(self._timers)
                if leave.is_set() or not self._timers or not self._may_pass():
                    return
                due_s = self._timers[0][0]
            if self._factor and leave.wait(max(0.0, due_s - self._elapsed_s) / self._factor):
                return
            # One after the other: what an event brings may begin another wait before it is over.
            with self._one_event:
                with self._lock:
                    if leave.is_set() or not self._may_pass():
                        return
                    _, _, timer = heapq.heappop(self._timers)
                    if timer.cancelled:
                        continue
                    self._elapsed_s = max(self._elapsed_s, timer.due_s)
                try:
                    timer.action()
                except Exception as error:
                    # Whoever waits for what this event should have brought must not wait for ever.
                    with self._lock:
                        waited = [status for statuses in self._waits.values() for status in statuses]
                    for status in waited:
                        with contextlib.suppress(InvalidState):
                            status.set_exception(error)
                    return


def _over(statuses: Collection[Any]) -> bool:
    """Whether a wait for these is over: all are done, or one has failed."""
    return all(status.done for status in statuses) or any(
        status.done and not status.success for status in statuses
    )
