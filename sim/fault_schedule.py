"""When the faults of a scenario come: each once, the same after every restart, and noted in the journal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.faults import Fault, Scenario
from sim.journal import Journal


@dataclass(frozen=True)
class Due:
    """A fault that is due: ``number`` is its place in the scenario, ``at_s`` seconds after the start."""

    number: int
    fault: Fault
    at_s: float = 0.0


class FaultSchedule:
    """Draws from the seed and reads the journal, so that a lab opened anew knows what has happened.

    A fault is noted before it has its effect; what was noted does not come again.
    """

    def __init__(self, scenario: Scenario, *, seed: int, journal: Journal) -> None:
        self.scenario, self._seed, self._journal = scenario, seed, journal

    def __bool__(self) -> bool:
        return bool(self.scenario.faults)

    def in_batch(self, batch: int, duration_s: float) -> list[Due]:
        """What befalls a batch while it runs, with rates drawn; as if it had not happened yet."""
        found = []
        for number, fault in enumerate(self.scenario.faults):
            if not fault.in_batch:
                continue
            if fault.at is not None and fault.batch == batch:
                found.append(Due(number, fault, 60.0 * fault.at))
            elif fault.rate is not None:
                at_s = 3600.0 * float(self._rng(number, batch).exponential(1.0 / fault.rate))
                if at_s < duration_s:
                    found.append(Due(number, fault, at_s))
        return found

    def of_batch(self, kind: str, batch: int) -> list[Due]:
        """Faults of one kind that hold for a batch as a whole and have not come yet."""
        return [
            Due(number, fault)
            for number, fault in enumerate(self.scenario.faults)
            if fault.kind == kind and fault.batch == batch and not self._come(number)
        ]

    def drift(self, batch: int) -> dict[str, float]:
        """How far each quantity is off in a batch, by the day-to-day effects of the scenario."""
        off: dict[str, float] = {}
        for number, fault in enumerate(self.scenario.faults):
            if fault.kind == "batch_effect" and fault.batch <= batch:
                drawn = fault.extent * float(self._rng(number, batch).normal())
                off[fault.concerns] = off.get(fault.concerns, 0.0) + drawn
        return off

    def at_field(self, key: str, magnification: float, field: int, hours: float) -> list[Due]:
        """What befalls a field, which takes ``hours``; for one that was taken before, what did then."""
        taken = self._journal.imaged_at(key, magnification, field) is not None
        noted = self._noted(key, magnification, field)
        if taken:
            return [Due(number, self.scenario.faults[number]) for number in noted]
        batch, count = self._journal.batch(key), self._journal.fields(key) + 1
        found = []
        for number, fault in enumerate(self.scenario.faults):
            if not fault.at_field:
                continue
            if fault.rate is not None:
                place = int(magnification), field
                comes = self._rng(number, batch, *place).random() < -math.expm1(-fault.rate * hours)
                # Noted but not taken: it cost the field, which is now taken again.
                comes = comes and number not in noted
            else:
                comes = (fault.batch, fault.field) == (batch, count) and not self._come(number)
            if comes:
                found.append(Due(number, fault))
        return found

    def note(self, due: Due, key: str, *, t_s: float, **where: Any) -> None:
        """Write down that a fault has come."""
        self._journal.fault(key, due.fault.kind, due.number, t_s=t_s, **where)

    def befallen(self, key: str) -> list[tuple[Fault, float]]:
        """What befell a batch, and when, in virtual seconds."""
        return [
            (self.scenario.faults[entry["number"]], float(entry["t_s"]))
            for entry in self._entries()
            if entry["key"] == key and "field" not in entry
        ]

    def _come(self, number: int) -> bool:
        return any(entry["number"] == number for entry in self._entries())

    def _noted(self, key: str, magnification: float, field: int) -> list[int]:
        wanted = (key, magnification, field)
        return [
            int(entry["number"])
            for entry in self._entries()
            if (entry["key"], entry.get("magnification"), entry.get("field")) == wanted
        ]

    def _entries(self) -> list[Mapping[str, Any]]:
        # A scenario that was changed since has no business with what an earlier one did.
        known = len(self.scenario.faults)
        return [
            entry
            for entry in self._journal.faults()
            if entry["number"] < known and self.scenario.faults[entry["number"]].kind == entry["kind"]
        ]

    def _rng(self, *place: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, 0x6661756C74, *place])
