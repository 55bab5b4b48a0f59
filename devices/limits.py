"""What a set-point may be. Limits that cannot be read stop everything: closed on failure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from devices.errors import LabError
from devices.records import Conditions


@dataclass(frozen=True)
class Limit:
    """The range of one quantity in ``unit``, or the ``choices`` it has.

    ``safe`` is the value that the quantity is left at when nothing runs (None: left as it is); ``default`` is
    what is set when a campaign does not name the quantity (None: it has to).
    """

    name: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    safe: float | str | None = None
    default: float | str | None = None

    def fault(self, value: object) -> str | None:
        """What is wrong with ``value``, or None."""
        if self.choices:
            allowed = ", ".join(self.choices)
            return None if value in self.choices else f"{self.name} = {value!r} is none of {allowed}"
        expected = f"{self.low:g} to {self.high:g} {self.unit}".rstrip()
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            return f"{self.name} = {value!r} is not a number ({expected} is allowed)"
        if not self.low <= float(value) <= self.high:  # not (…) also catches NaN
            return f"{self.name} = {float(value):g} {self.unit}".rstrip() + f" is outside {expected}"
        return None

    def within(self, *others: "Limit") -> "Limit":
        """What this limit and ``others`` of the same quantity allow; ``safe`` and ``default`` are this one's.

        Errors: ValueError where units differ, nothing is left, or not every one allows the default.
        """
        narrowed = self
        for other in others:
            if bool(self.choices) != bool(other.choices) or not same_unit(self.unit, other.unit):
                raise ValueError(f"{self.name} is not of the same kind and unit in all devices")
            narrowed = replace(
                narrowed,
                low=max(narrowed.low, other.low),
                high=min(narrowed.high, other.high),
                choices=tuple(one for one in narrowed.choices if one in other.choices),
            )
        if (self.choices and not narrowed.choices) or not narrowed.low <= narrowed.high:
            raise ValueError(f"no value of {self.name} is allowed in all devices")
        fault = None if self.default is None else narrowed.fault(self.default)
        if fault:
            raise ValueError(f"the default is not allowed in all devices: {fault}")
        return narrowed

    def check(self, value: object) -> None:
        """Raise :class:`LabError` if ``value`` is not allowed."""
        fault = self.fault(value)
        if fault:
            raise LabError(f"The lab's limits forbid this: {fault}.")


class LimitSource(Protocol):
    """Where limits are read from, each time they are needed."""

    def read(self) -> Mapping[str, Limit]:
        """The limits that hold now, by name; raises :class:`LabError` when they cannot be read."""
        ...


def complete(conditions: Conditions, limits: Mapping[str, Limit]) -> dict[str, float | str]:
    """``conditions`` with the lab's defaults for what they do not name, in the order of ``limits``.

    Errors: :class:`LabError` naming every unknown, missing or forbidden set-point.
    """
    faults = [f"{name} is not a set-point of this lab" for name in conditions if name not in limits]
    settings: dict[str, float | str] = {}
    for name, limit in limits.items():
        value = conditions.get(name, limit.default)
        if value is None:
            faults.append(f"{name} is not given and the lab has no default for it")
            continue
        fault = limit.fault(value)
        if fault:
            faults.append(fault)
        settings[name] = value if isinstance(value, str) else float(value) if not fault else value
    if faults:
        known = ", ".join(f"{limit.name} [{limit.unit or '–'}]" for limit in limits.values())
        raise LabError(f"Nothing was moved, because {'; '.join(faults)}; this lab's set-points are {known}.")
    return settings


_ALIASES = {"–": "", "-": "", "1": "", "dimensionless": "", "×": "", "x": ""}
_ALIASES |= {"°c": "degC", "degc": "degC", "mol/l": "M", "wt%": "%"}


def same_unit(one: str, other: str) -> bool:
    """Whether two unit names mean the same, e.g. "°C" and "degC" (there is no conversion)."""

    def plain(unit: str) -> str:
        text = unit.strip().replace(" ", "")
        # Case counts in units (mm, Mm), so only whole names are compared without it.
        return _ALIASES.get(text.lower(), text)

    return plain(one) == plain(other)


def check_units(units: Mapping[str, str], limits: Mapping[str, Limit]) -> None:
    """Raise :class:`LabError` if a unit in ``units`` (by set-point) is not the lab's."""
    faults = [
        f"{name} is in {unit or 'no unit'} in the campaign and in {limits[name].unit or 'no unit'} in the lab"
        for name, unit in units.items()
        if name in limits and not limits[name].choices and not same_unit(unit, limits[name].unit)
    ]
    if faults:
        raise LabError(f"The units do not agree: {'; '.join(faults)}; give the campaign the lab's units.")
