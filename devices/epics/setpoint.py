"""A quantity that a controller moves: a set-point PV and a read-back PV."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from ophyd import Signal
from ophyd.status import Status

from devices.clock import Clock
from devices.epics.backend import EpicsBackend
from devices.epics.channel import Kind
from devices.errors import LabError
from devices.limits import Limit, same_unit
from devices.setpoints import MakeLogic, SetPointLogic

WITHIN = 0.005
"""How near the read-back has to come, where the lab file does not say: this part of the range."""


class EpicsSetPoint:
    """Writes the set-point and waits until the read-back is ``within`` of it."""

    def __init__(
        self, limit: Limit, readback: Signal, backend: EpicsBackend, *, base: str, pv: str, within: float
    ) -> None:
        pv, self._base = f"{base}{pv}", base
        self._limit, self._readback, self._backend, self._within = limit, readback, backend, within
        kind: Kind = "choice" if limit.choices else "number"
        self._demand, self._actual = backend.channel(pv, kind), backend.channel(f"{pv}:RBV", kind)
        backend.connect()
        self._check_metadata()
        self._refresh()
        # The read-back on this side follows even when nobody waits: interlocks watch it.
        backend.watch.follow(lambda: partial(self._readback.put, self._actual.value()))
        self._actual.watch(lambda _: backend.watch.poke())

    def move(self, value: float | str, status: Status) -> None:
        """Go to ``value``; raises :class:`LabError` when the controller does not take it."""
        self._backend.watch.begin(self._base)
        self._demand.put(value)
        if self._demand.value() != value:
            raise self._backend.refused(f"take {self._limit.name} = {value} {self._limit.unit}".rstrip())
        self._backend.watch.until(lambda: self._there(value), status)

    def make_safe(self, value: float | str) -> None:
        """Go to ``value`` without anyone waiting. What was waited for fails with the batch."""
        self._demand.send(value)

    def _there(self, value: float | str) -> bool:
        if self._demand.value() != value:
            raise LabError(
                f"{self._limit.name} was sent elsewhere before it had arrived at {value} {self._limit.unit}; "
                "see who else drives the reactor, or why its controller stopped."
            )
        actual = self._refresh()
        if isinstance(value, str) or isinstance(actual, str):
            return actual == value
        return abs(actual - value) <= self._within

    def _refresh(self) -> float | str:
        actual = self._actual.value()
        self._readback.put(actual)
        return actual

    def _check_metadata(self) -> None:
        known = self._demand.metadata()
        name = self._limit.name
        if self._limit.choices:
            missing = [one for one in self._limit.choices if one not in (known["enum_strs"] or ())]
            if missing:
                raise LabError(
                    f"The controller does not know {name} = {', '.join(missing)}, which the lab file allows; "
                    f"it knows {', '.join(known['enum_strs'] or ())}."
                )
            return
        unit = known["units"] or ""
        if not same_unit(unit, self._limit.unit.replace("µ", "u")):
            raise LabError(
                f"The controller has {name} in {unit or 'no unit'} and the lab file in "
                f"{self._limit.unit or 'no unit'}; nothing is converted, so mend one of them."
            )
        low, high = known["lower_ctrl_limit"], known["upper_ctrl_limit"]
        if low is not None and low < high and not low <= self._limit.low <= self._limit.high <= high:
            raise LabError(
                f"The lab file allows {name} from {self._limit.low:g} to "
                + f"{self._limit.high:g} {unit}".rstrip()
                + f", but its controller only from {low:g} to {high:g}; narrow the lab file's limits."
            )


def set_points(backend: EpicsBackend, base: str, settings: Mapping[str, Mapping[str, Any]]) -> MakeLogic:
    """Logic for each set-point by its options: ``pv`` (its name after ``base``), ``within`` (in its unit)."""

    def make(limit: Limit, readback: Signal, _: Clock) -> SetPointLogic:
        options = dict(settings.get(limit.name, {}))
        pv = options.pop("pv", limit.name)
        within = options.pop("within", 0.0 if limit.choices else WITHIN * (limit.high - limit.low))
        if options:
            raise LabError(
                f"The set-point {limit.name} over EPICS has no option {', '.join(options)}; "
                "expected pv or within."
            )
        return EpicsSetPoint(limit, readback, backend, base=base, pv=pv, within=float(within))

    return make
