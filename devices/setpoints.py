"""One controlled quantity: a set-point, its read-back, its limits, and the logic that moves it."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ophyd import Component, Device, Kind, Signal
from ophyd.device import create_device_from_components
from ophyd.status import Status

from devices.clock import Clock
from devices.errors import LabError
from devices.limits import Limit, LimitSource

TIMEOUT_S = 6 * 3600.0
"""How long a quantity may take to reach its set-point, in seconds of the lab."""


class SetPointLogic(Protocol):
    """Moves one quantity; handed its signals and the clock when it is made."""

    def move(self, value: float | str, status: Status) -> None:
        """Go to ``value`` and finish ``status`` when the read-back has arrived."""
        ...

    def make_safe(self, value: float | str) -> None:
        """Go to ``value`` without anyone waiting; what was waited for before fails."""
        ...


MakeLogic = Callable[[Limit, Signal, Clock], SetPointLogic]
"""From a quantity's limits, its read-back signal and the clock to what moves it."""


class SetPoint(Device):  # type: ignore[misc]
    """A quantity that bluesky can ``set``; refuses what the limits forbid at the moment it is asked."""

    setpoint = Component(Signal, value=0.0, kind=Kind.config)
    readback = Component(Signal, value=0.0, kind=Kind.hinted)

    def __init__(
        self,
        *args: Any,
        quantity: str,
        source: LimitSource,
        clock: Clock,
        make_logic: MakeLogic,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.quantity, self._source, self._clock = quantity, source, clock
        limit = self.limit()
        rest = limit.safe if limit.safe is not None else limit.choices[0] if limit.choices else limit.low
        stamp = clock.now().timestamp()
        self.setpoint.put(rest, timestamp=stamp)
        self.readback.put(rest, timestamp=stamp)
        self._logic = make_logic(limit, self.readback, clock)

    def limit(self) -> Limit:
        """The limits that hold now; raises :class:`LabError` when they cannot be read."""
        limits = self._source.read()
        if self.quantity not in limits:
            raise LabError(f"Nothing was moved, because the lab's limits no longer name {self.quantity}.")
        return limits[self.quantity]

    def check_value(self, value: float | str) -> None:
        """Raise :class:`LabError` if ``value`` is not allowed now."""
        self.limit().check(value)

    def set(self, value: float | str) -> Status:
        """Move; the status is done when the read-back has arrived, and fails when it does not in time."""
        self.check_value(value)
        status = Status(self, timeout=self._clock.wall_seconds(TIMEOUT_S))
        self.setpoint.put(value, timestamp=self._clock.now().timestamp())
        self._logic.move(value, status)
        return status

    def make_safe(self) -> None:
        """Go to the safe value, if the quantity has one; never refuses."""
        try:
            safe = self.limit().safe
        except LabError:
            safe = None  # Without limits no value is known to be safe: stay.
        if safe is not None:
            self.setpoint.put(safe, timestamp=self._clock.now().timestamp())
            self._logic.make_safe(safe)

    def describe(self) -> Mapping[str, Mapping[str, Any]]:
        """As ophyd does, with the unit."""
        described: dict[str, dict[str, Any]] = super().describe()
        unit = self.limit().unit
        for key in described.values():
            key["units"] = unit
        return described


def make_set_points(
    source: LimitSource, clock: Clock, make_logic: MakeLogic, *, name: str, parent: Device | None = None
) -> Device:
    """A device with one :class:`SetPoint` for each quantity that ``source`` names."""
    components = {}
    for quantity in source.read():
        if not quantity.isidentifier() or hasattr(Device, quantity):
            raise LabError(
                f"A set-point cannot be called {quantity!r}; expected a plain name such as time_min."
            )
        components[quantity] = Component(
            SetPoint, "", quantity=quantity, source=source, clock=clock, make_logic=make_logic
        )
    made = create_device_from_components("SetPoints", base_class=Device, **components)
    return made(name=name, parent=parent)
