"""A quantity that goes to its set-point like a first-order lag."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from ophyd import Signal
from ophyd.status import Status

from devices.clock import Clock
from devices.errors import LabError, LabStopped
from devices.limits import Limit
from devices.setpoints import MakeLogic, SetPointLogic
from sim.clock import Timer, VirtualClock

STEPS_PER_TIME_CONSTANT = 1


class FirstOrderLag:
    """Moves ``readback`` by 63 % of what is left in each time constant, until ``within`` of the set-point.

    A quantity with no time constant, such as a category or a value in a recipe, is there at once.
    """

    def __init__(
        self, readback: Signal, clock: VirtualClock, *, time_constant_s: float, within: float
    ) -> None:
        self._readback, self._clock = readback, clock
        self._time_constant_s, self._within = time_constant_s, within
        self._timers: list[Timer] = []
        self._goal: float | str | None = None
        self._statuses: list[Status] = []

    def move(self, value: float | str, status: Status) -> None:
        """Go to ``value``; the same order again (after a pause, say) is the same journey."""
        if self._statuses and value == self._goal:
            self._statuses.append(status)
            return
        self._leave(LabError(f"{self._readback.name} was sent elsewhere before it had arrived."))
        distance = 0.0 if isinstance(value, str) else value - float(self._readback.get())
        if isinstance(value, str) or not self._time_constant_s or abs(distance) <= self._within:
            self._put(value)
            status.set_finished()
            status.wait(timeout=60)  # before the clock looks whether anyone still waits
            return
        self._goal, self._statuses = value, [status]
        arrival_s = self._time_constant_s * math.log(abs(distance) / self._within)
        step_s = self._time_constant_s / STEPS_PER_TIME_CONSTANT
        for step in range(1, math.ceil(arrival_s / step_s)):
            passed = value - distance * math.exp(-step * step_s / self._time_constant_s)
            self._timers.append(self._clock.after(step * step_s, partial(self._put, passed)))
        self._timers.append(self._clock.after(arrival_s, lambda: self._arrive(value)))

    def make_safe(self, value: float | str) -> None:
        """A stopped reactor is emptied: its next charge starts at ``value``."""
        self._leave(LabStopped(f"{self._readback.name} was stopped on its way."))
        self._put(value)

    def _arrive(self, value: float | str) -> None:
        self._put(value)
        self._timers.clear()
        statuses, self._statuses = self._statuses, []
        for status in statuses:
            status.set_finished()
            status.wait(timeout=60)  # before the clock looks whether anyone still waits

    def _put(self, value: float | str) -> None:
        self._readback.put(value, timestamp=self._clock.now().timestamp())

    def _leave(self, reason: LabError) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        statuses, self._statuses = self._statuses, []
        for status in statuses:
            if not status.done:
                status.set_exception(reason)


def lags(clock: VirtualClock, settings: Mapping[str, Mapping[str, Any]]) -> MakeLogic:
    """Logic for each set-point by its options: ``time_constant_min`` (0), ``within`` (0.5 % of the range)."""

    def make(limit: Limit, readback: Signal, _: Clock) -> SetPointLogic:
        options = dict(settings.get(limit.name, {}))
        time_constant_min = options.pop("time_constant_min", 0.0)
        within = options.pop("within", 0.0 if limit.choices else 0.005 * (limit.high - limit.low))
        if options:
            raise LabError(
                f"The simulated set-point {limit.name} has no option {', '.join(options)}; "
                "expected time_constant_min or within."
            )
        return FirstOrderLag(
            readback, clock, time_constant_s=60.0 * float(time_constant_min), within=float(within)
        )

    return make
