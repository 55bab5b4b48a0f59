"""What the simulated reactor's instruments show, and what is in the vessel in truth, when something fails."""

import math
from collections.abc import Iterable, Mapping, Set

from ophyd import Signal
from ophyd.status import Status

from devices.clock import Clock
from devices.errors import DeviceFault, LabDown, LabError
from devices.limits import Limit
from devices.records import Conditions
from devices.setpoints import TIMEOUT_S, MakeLogic, SetPointLogic
from sim.bench import SimulatedBench
from sim.faults import Fault

BALANCE = 0.05
"""Share by which the weighed feed may differ from the recipe's."""


def shown(fault: Fault) -> float | None:
    """What an instrument reads from the moment of a fault on; None where the readings look as before."""
    if fault.kind == "probe_nan":
        return math.nan
    if fault.kind in ("over_temperature", "over_pressure", "gas_loss", "stirrer_stop"):
        return fault.extent
    return None


def alarm(fault: Fault) -> str | None:
    """What the reactor's own controller stops a batch for at once, if no interlock did."""
    return {
        "feed_pump_stall": f"the pump of {fault.concerns} stalled: no flow was counted",
        "probe_nan": f"the probe of {fault.concerns} gives no value, so it cannot be controlled",
        "stirrer_stop": "the stirrer's motor reports that it stands",
    }.get(fault.kind)


def found_afterwards(befallen: Iterable[tuple[Fault, float]]) -> str | None:
    """What is found when a batch is over: probes are checked in buffer, and the feeds are weighed."""
    for fault, _ in befallen:
        if fault.kind == "probe_frozen":
            return f"the probe of {fault.concerns} was found frozen when it was checked after the batch"
        if fault.kind == "feed_rate_error" and abs(fault.extent) > BALANCE:
            return (
                f"the feed of {fault.concerns} was {100 * fault.extent:+.0f} % off by weight "
                f"(at most {100 * BALANCE:.0f} %)"
            )
    return None


def in_truth(
    conditions: Conditions,
    befallen: Iterable[tuple[Fault, float]],
    drift: Mapping[str, float],
    *,
    begun_s: float,
    until_s: float,
) -> dict[str, float | str]:
    """What the batch saw where instruments lied or drifted, each by the share of time that it lasted."""
    actual = dict(conditions)

    def shift(quantity: str, by: float) -> None:
        value = actual.get(quantity)
        if isinstance(value, int | float):
            actual[quantity] = float(value) + by

    for fault, at_s in befallen:
        share = max(0.0, (until_s - at_s) / (until_s - begun_s))
        value = actual.get(fault.concerns)
        if fault.kind == "probe_frozen":
            shift(fault.concerns, fault.extent * share)
        elif fault.kind == "feed_rate_error" and isinstance(value, int | float):
            shift(fault.concerns, float(value) * fault.extent * share)
        elif fault.kind == "over_temperature" and isinstance(value, int | float):
            shift(fault.concerns, (fault.extent - float(value)) * share)
        elif fault.kind == "gas_loss" and share > 0.5 and "atmosphere" in actual:
            actual["atmosphere"] = "O2"  # air gets in
    for quantity, off in drift.items():
        shift(quantity, off)
    return actual


class FaultySetPoint:
    """The logic of a set-point in a lab where something may fail; every order to it goes to the journal."""

    def __init__(
        self,
        logic: SetPointLogic,
        quantity: str,
        readback: Signal,
        bench: SimulatedBench,
        dead: Set[str],
    ) -> None:
        self._logic, self._quantity, self._readback, self._bench = logic, quantity, readback, bench
        self._dead = dead

    def move(self, value: float | str, status: Status) -> None:
        """Go to ``value``, unless it is stuck or its reading is gone."""
        bench = self._bench
        if bench.off:
            _fail(status, LabDown(bench.off))
            return
        if self._quantity in self._dead:
            _fail(status, DeviceFault(f"{self._readback.name} gives no value; replace the probe."))
            return
        with bench.lock:
            bench.journal.ordered(self._quantity, value, t_s=bench.clock.elapsed_s())
            stuck = [
                due
                for due in bench.faults.of_batch("set_point_timeout", bench.journal.starts + 1)
                if due.fault.concerns == self._quantity
            ]
            for due in stuck:
                bench.faults.note(due, "", t_s=bench.clock.elapsed_s())
        if stuck:
            late = DeviceFault(
                f"{self._readback.name} did not come to {value} within {TIMEOUT_S / 3600:g} h; "
                "see to what drives it."
            )
            bench.clock.after(TIMEOUT_S, lambda: None if status.done else status.set_exception(late))
            return
        self._logic.move(value, status)

    def make_safe(self, value: float | str) -> None:
        """Go to the safe value."""
        bench = self._bench
        if not bench.off:
            with bench.lock:
                bench.journal.ordered(self._quantity, value, t_s=bench.clock.elapsed_s())
        # A dead probe shows nothing even then.
        self._logic.make_safe(math.nan if self._quantity in self._dead else value)


def _fail(status: Status, error: LabError) -> None:
    status.set_exception(error)
    status.exception(timeout=60)  # before the clock looks whether anyone still waits


def faulty(make: MakeLogic, bench: SimulatedBench, dead: Set[str]) -> MakeLogic:
    """``make``, with what the scenario does to set-points; ``dead`` are quantities without a probe."""

    def made(limit: Limit, readback: Signal, clock: Clock) -> SetPointLogic:
        return FaultySetPoint(make(limit, readback, clock), limit.name, readback, bench, dead)

    return made if bench.faults else make
