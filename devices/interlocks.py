"""Interlocks: the reactor is made safe when a reading leaves its bounds, and stays off until it is back."""

import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ophyd import Signal

from devices.clock import Clock, Timeout
from devices.errors import DeviceFault, LabError, NeedsPerson

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Interlock:
    """What one reading must keep to: it trips ``above`` or ``below`` a threshold, for ``delay_s`` on end.

    After a trip the reactor starts again only once the reading has passed ``resume``, which lies on the safe
    side of the threshold. ``batch_only``: it holds while a batch feeds or reacts, as for a stirrer that rests
    otherwise. All in ``unit``; ``delay_s`` in seconds of the lab.
    """

    name: str
    quantity: str
    resume: float
    above: float | None = None
    below: float | None = None
    unit: str = ""
    delay_s: float = 0.0
    batch_only: bool = False

    def forbids(self, value: float) -> bool:
        """Whether a reading is beyond the threshold; one that is no number is."""
        if not math.isfinite(value):
            return True
        return value > self.above if self.above is not None else value < (self.below or 0.0)

    def clears(self, value: float) -> bool:
        """Whether a reading is past the threshold for resuming."""
        return math.isfinite(value) and (
            value <= self.resume if self.above is not None else value >= self.resume
        )

    def told(self, value: float) -> str:
        """What a reading is, against what it may be."""
        bound = f"at most {self.above:g}" if self.above is not None else f"at least {self.below:g}"
        read = f"{value:g} {self.unit}".rstrip() if math.isfinite(value) else "no number"
        return f"{self.quantity} reads {read}, {bound} {self.unit}".rstrip() + " is safe"


@dataclass(frozen=True)
class Trip:
    """One trip: of which interlock, when (the lab's time, ISO 8601) and at what reading."""

    interlock: Interlock
    at: str
    value: float

    @property
    def reason(self) -> str:
        """The trip in one clause."""
        return f"interlock {self.interlock.name} tripped at {self.at}: {self.interlock.told(self.value)}"


class InterlockTripped(DeviceFault):
    """An interlock has brought the reactor to its safe state."""


class Supervisor:
    """Watches the read-back signals by subscription, whatever the plan does, and trips.

    ``make_safe`` is called with the reason of a trip, in the thread that brought the reading. ``in_batch``
    tells whether a batch feeds or reacts.
    """

    def __init__(
        self,
        interlocks: Iterable[Interlock],
        signals: Mapping[str, Signal],
        clock: Clock,
        *,
        make_safe: Callable[[str], None],
        in_batch: Callable[[], bool],
    ) -> None:
        self._interlocks = tuple(interlocks)
        unknown = [one for one in self._interlocks if one.quantity not in signals]
        if unknown:
            raise LabError(
                f"The interlock {unknown[0].name} watches {unknown[0].quantity}, which the reactor does not "
                f"measure; it measures {', '.join(signals)}."
            )
        self._signals, self._clock = signals, clock
        self._make_safe, self._in_batch = make_safe, in_batch
        self._lock = threading.RLock()
        self._pending: dict[str, Timeout] = {}
        self._tripped: dict[str, Trip] = {}
        self.trips: list[Trip] = []
        """Every trip since the lab was opened, the oldest first."""
        for one in self._interlocks:
            signals[one.quantity].subscribe(partial(self._read, one))

    def check(self, *, starting: bool) -> None:
        """Raise :class:`NeedsPerson` while an interlock forbids to go on.

        ``starting``: a batch is to start; otherwise quantities are only to be brought to their set-points,
        and interlocks that hold in a batch alone are not asked. A reading that cannot be had forbids.
        """
        for one in self._interlocks:
            if one.batch_only and not starting:
                continue
            value = self._value(one)
            tripped = self._tripped.get(one.name)
            if tripped is not None and not one.clears(value):
                raise NeedsPerson(
                    f"The reactor was not started, because {tripped.reason}, and it has not come back past "
                    f"{one.resume:g} {one.unit}".rstrip()
                    + "; see to it and give the same command again."
                )
            if tripped is None and one.forbids(value):
                raise NeedsPerson(
                    f"The reactor was not started, because the interlock {one.name} forbids it: "
                    f"{one.told(value)}; see to it and give the same command again."
                )

    def _value(self, interlock: Interlock) -> float:
        try:
            return float(self._signals[interlock.quantity].get())
        except Exception:  # whatever a control layer raises: no reading, no start
            _log.warning("the interlock %s has no reading", interlock.name, exc_info=True)
            return math.nan

    def _read(self, interlock: Interlock, *, value: Any = None, **_: Any) -> None:
        """Take a new reading. ophyd swallows what a subscriber raises, so whatever fails counts as a trip."""
        try:
            reading = float(value)
        except (TypeError, ValueError):
            reading = math.nan
        with self._lock:
            if interlock.name in self._tripped:
                if interlock.clears(reading):
                    del self._tripped[interlock.name]
                return
            watching = self._in_batch() or not interlock.batch_only
            if not watching or not interlock.forbids(reading):
                pending = self._pending.pop(interlock.name, None)
                if pending is not None:
                    pending.cancel()
                return
            if interlock.delay_s > 0 and math.isfinite(reading):
                # By the clock, because a value that stays where it is may never be told again.
                if interlock.name not in self._pending:
                    self._pending[interlock.name] = self._clock.after(
                        interlock.delay_s, partial(self._ripe, interlock)
                    )
                return
        self._trip(interlock, reading)

    def _ripe(self, interlock: Interlock) -> None:
        with self._lock:
            waited = self._pending.pop(interlock.name, None)
        value = self._value(interlock)
        if waited is not None and interlock.forbids(value) and (self._in_batch() or not interlock.batch_only):
            self._trip(interlock, value)

    def _trip(self, interlock: Interlock, value: float) -> None:
        trip = Trip(interlock, self._clock.iso(), value)
        with self._lock:
            self._tripped[interlock.name] = trip
            self.trips.append(trip)
        _log.warning(trip.reason)
        self._make_safe(trip.reason)
