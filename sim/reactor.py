"""The simulated reactor: a controller in virtual time that finishes what it began, whoever watches."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ophyd import Signal
from ophyd.status import Status

from devices.errors import DeviceFault, LabError, LabStopped
from devices.limits import LimitSource
from devices.reactor import Reactor, ReactorState
from devices.records import Conditions, RunRecord
from sim import instruments
from sim.bench import NORMAL, SimulatedBench
from sim.clock import Timer
from sim.fault_schedule import Due
from sim.lag import lags


class SimulatedReactor(Reactor):
    """A reactor whose batches are made by the bench's plant.

    ``feeding_min`` is how long filling takes before the reaction time counts, ``sampling_min`` how long it
    takes to filter, wash and dry the sample. ``settings`` are the options of the set-points. Pressure and gas
    flow are measured beside them.
    """

    simulated = True

    def __init__(
        self,
        *,
        name: str,
        source: LimitSource,
        backend: SimulatedBench,
        settings: Mapping[str, Mapping[str, Any]],
        feeding_min: float = 5.0,
        sampling_min: float = 30.0,
    ) -> None:
        self._bench = backend
        self.dead: set[str] = set()
        """Quantities whose probe gives no value; until the lab is opened anew, when it was replaced."""
        make_logic = instruments.faulty(lags(backend.clock, settings), backend, self.dead)
        super().__init__(name=name, source=source, clock=backend.clock, make_logic=make_logic)
        self.logic = SimulatedBatch(
            self, backend, feeding_s=60.0 * feeding_min, sampling_s=60.0 * sampling_min
        )
        for quantity, normal in NORMAL.items():
            self.sensors[quantity] = Signal(name=f"{name}_{quantity}", value=normal)
        backend.faults.scenario.check(self.readings().keys())
        self.starts.put(backend.journal.starts_of(name))
        running = backend.journal.running(name)
        if running is not None:
            self.run_id.put(running["key"])
            self.state.put(ReactorState.REACTING.value)
            for quantity, value in running["conditions"].items():
                # The vessel is as it was left, whoever looks away meanwhile.
                point = getattr(self.set_points, quantity)
                point.setpoint.put(value)
                point.readback.put(value)

    def readings(self) -> dict[str, Signal]:
        """What is measured, by quantity: the read-backs of the set-points, and the sensors."""
        points = self.set_points
        return {name: getattr(points, name).readback for name in points.component_names} | self.sensors

    def make_safe(self, reason: str = "the plan ended early") -> None:
        """Stop feeding and empty the vessel; what shows the vessel is normal again, a dead sensor is not."""
        super().make_safe(reason)
        for quantity in NORMAL.keys() - self.dead:
            normal = NORMAL[quantity]
            self.sensors[quantity].put(normal, timestamp=self.clock.now().timestamp())


class SimulatedBatch:
    """The controller: what it started is in the journal before anything else happens."""

    def __init__(
        self, reactor: SimulatedReactor, bench: SimulatedBench, *, feeding_s: float, sampling_s: float
    ) -> None:
        self._reactor, self._bench = reactor, bench
        self._feeding_s, self._sampling_s = feeding_s, sampling_s
        self._timers: list[Timer] = []
        self._status: Status | None = None
        bench.on_outage.append(self._end)

    def record(self, key: str) -> RunRecord | None:
        """What the journal knows of ``key``."""
        self._bench.check_power()
        with self._bench.lock:
            return self._bench.journal.record(key, self._bench.clock.at, self._reactor.name)

    def running(self) -> str | None:
        """The key of the batch that runs."""
        with self._bench.lock:
            entry = self._bench.journal.running(self._reactor.name)
        return None if entry is None else str(entry["key"])

    def expected_s(self, conditions: Conditions) -> float:
        """Filling, the plant's own time, and sampling, in seconds."""
        return self._feeding_s + 60.0 * self._bench.plant.duration_min(conditions) + self._sampling_s

    def start(self, key: str, conditions: Conditions, status: Status) -> None:
        """Start the batch, or wait for it if it runs already."""
        bench = self._bench
        bench.check_power()
        with bench.lock:
            known = self.record(key)
            if known is not None and known.state == "fault":
                raise LabError(
                    f"The batch {key} ended in a fault ({known.reason}); mint a new key to try again."
                )
            if known is not None and known.state == "done":
                status.set_finished()
                status.wait(timeout=60)  # before the clock looks whether anyone still waits
                return
            now_s = bench.clock.elapsed_s()
            entry = bench.journal.start(
                key,
                conditions,
                t_s=now_s,
                until_s=now_s + self.expected_s(conditions),
                reactor=self._reactor.name,
            )
            self._reactor.starts.put(bench.journal.starts_of(self._reactor.name))
            self._status = status
            begun_s, until_s = float(entry["t_s"]), float(entry["until_s"])
            for moment_s, state in (
                (begun_s, ReactorState.FEEDING),
                (begun_s + self._feeding_s, ReactorState.REACTING),
                (until_s - self._sampling_s, ReactorState.SAMPLING),
            ):
                self._at(moment_s, partial(self._reactor.enter, state))
            for due in bench.faults.in_batch(int(entry["batch"]) + 1, until_s - begun_s):
                if begun_s + due.at_s >= now_s and begun_s + due.at_s < until_s - self._sampling_s:
                    self._at(begun_s + due.at_s, partial(self._befall, entry, due))
            self._at(until_s, partial(self._finish, entry))

    def make_safe(self, reason: str) -> None:
        """Stop feeding and dump a batch that runs."""
        with self._bench.lock:
            for timer in self._timers:
                timer.cancel()
            self._timers.clear()
            status, self._status = self._status, None
            running = self._bench.journal.running(self._reactor.name)
            if running is not None:
                self._bench.journal.stopped(running["key"], reason, t_s=self._bench.clock.elapsed_s())
                self._reactor.enter(ReactorState.STOPPED)
        if status is not None and not status.done:
            status.set_exception(LabStopped(f"The batch was stopped: {reason}."))
            status.exception(timeout=60)  # before the clock looks whether anyone still waits

    def _befall(self, entry: Mapping[str, Any], due: Due) -> None:
        """Let a fault have its effect on the batch that runs."""
        bench, fault, key = self._bench, due.fault, str(entry["key"])
        if self._status is None:  # stopped in this very moment
            return
        with bench.lock:
            bench.faults.note(due, key, t_s=bench.clock.elapsed_s())
        if fault.kind == "power_cut":
            bench.cut_power()
            return
        reading = instruments.shown(fault)
        if reading is not None:
            if fault.kind == "probe_nan":
                self._reactor.dead.add(fault.concerns)
            # Whoever watches it may stop the batch in this call.
            signal = self._reactor.readings()[fault.concerns]
            signal.put(reading, timestamp=bench.clock.now().timestamp())
        reason = instruments.alarm(fault)
        if reason is not None:
            self._fail(key, reason)

    def _fail(self, key: str, reason: str) -> None:
        """The controller ends the batch as lost, unless something else has ended it already."""
        with self._bench.lock:
            if self._bench.journal.running(self._reactor.name) is None:
                return
            self._bench.journal.stopped(key, reason, t_s=self._bench.clock.elapsed_s())
            self._reactor.enter(ReactorState.FAULT)
        self._end(DeviceFault(f"The batch {key} was lost: {reason}."))

    def _end(self, error: LabError) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        status, self._status = self._status, None
        if status is not None and not status.done:
            status.set_exception(error)
            status.exception(timeout=60)  # before the clock looks whether anyone still waits

    def _at(self, moment_s: float, action: Callable[[], None]) -> None:
        self._timers.append(self._bench.clock.after(moment_s - self._bench.clock.elapsed_s(), action))

    def _finish(self, entry: Mapping[str, Any]) -> None:
        with self._bench.lock:
            if self._status is None:  # stopped in this very moment
                return
            befallen = self._bench.faults.befallen(str(entry["key"]))
            wrong = instruments.found_afterwards(befallen)
            if wrong is not None:
                self._fail(str(entry["key"]), wrong)
                return
            status, self._status = self._status, None
            self._timers.clear()
            try:
                actual = instruments.in_truth(
                    entry["conditions"],
                    befallen,
                    self._bench.faults.drift(int(entry["batch"]) + 1),
                    begun_s=float(entry["t_s"]),
                    until_s=float(entry["until_s"]),
                )
                sample = self._bench.plant.synthesise(actual, batch=entry["batch"])
                self._bench.journal.done(
                    entry["key"], dataclasses.asdict(sample), t_s=float(entry["until_s"])
                )
            except Exception as error:  # whatever it is, the journal and who waits for the batch are told
                reason = f"the plant failed: {error}"
                self._bench.journal.stopped(str(entry["key"]), reason, t_s=self._bench.clock.elapsed_s())
                self._reactor.enter(ReactorState.FAULT)
                status.set_exception(error)
                return
            self._reactor.enter(ReactorState.DONE)
        status.set_finished()
        status.wait(timeout=60)  # before the clock looks whether anyone still waits
