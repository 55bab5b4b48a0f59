"""The simulated reactor: a controller in virtual time that finishes what it began, whoever watches."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ophyd.status import Status

from devices.errors import LabError, LabStopped
from devices.limits import LimitSource
from devices.reactor import Reactor, ReactorState
from devices.records import Conditions, RunRecord
from sim.bench import SimulatedBench
from sim.clock import Timer
from sim.lag import lags


class SimulatedReactor(Reactor):
    """A reactor whose batches are made by the bench's plant.

    ``feeding_min`` is how long filling takes before the reaction time counts, ``sampling_min`` how long it
    takes to filter, wash and dry the sample. ``settings`` are the options of the set-points.
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
        super().__init__(
            name=name, source=source, clock=backend.clock, make_logic=lags(backend.clock, settings)
        )
        self.logic = SimulatedBatch(
            self, backend, feeding_s=60.0 * feeding_min, sampling_s=60.0 * sampling_min
        )
        self.starts.put(backend.journal.starts)
        running = backend.journal.running()
        if running is not None:
            self.run_id.put(running["key"])
            self.state.put(ReactorState.REACTING.value)


class SimulatedBatch:
    """The controller: what it started is in the journal before anything else happens."""

    def __init__(
        self, reactor: Reactor, bench: SimulatedBench, *, feeding_s: float, sampling_s: float
    ) -> None:
        self._reactor, self._bench = reactor, bench
        self._feeding_s, self._sampling_s = feeding_s, sampling_s
        self._timers: list[Timer] = []
        self._status: Status | None = None

    def record(self, key: str) -> RunRecord | None:
        """What the journal knows of ``key``."""
        with self._bench.lock:
            return self._bench.journal.record(key, self._bench.clock.at)

    def running(self) -> str | None:
        """The key of the batch that runs."""
        with self._bench.lock:
            entry = self._bench.journal.running()
        return None if entry is None else str(entry["key"])

    def expected_s(self, conditions: Conditions) -> float:
        """Filling, the plant's own time, and sampling, in seconds."""
        return self._feeding_s + 60.0 * self._bench.plant.duration_min(conditions) + self._sampling_s

    def start(self, key: str, conditions: Conditions, status: Status) -> None:
        """Start the batch, or wait for it if it runs already."""
        bench = self._bench
        with bench.lock:
            known = self.record(key)
            if known is not None and known.state == "fault":
                raise LabError(
                    f"The batch {key} ended in a fault ({known.reason}); mint a new key to try again."
                )
            if known is not None and known.state == "done":
                status.set_finished()
                return
            now_s = bench.clock.elapsed_s()
            entry = bench.journal.start(
                key, conditions, t_s=now_s, until_s=now_s + self.expected_s(conditions)
            )
            self._reactor.starts.put(bench.journal.starts)
            self._status = status
            begun_s, until_s = float(entry["t_s"]), float(entry["until_s"])
            for moment_s, state in (
                (begun_s, ReactorState.FEEDING),
                (begun_s + self._feeding_s, ReactorState.REACTING),
                (until_s - self._sampling_s, ReactorState.SAMPLING),
            ):
                self._at(moment_s, partial(self._reactor.enter, state))
            self._at(until_s, partial(self._finish, entry))

    def make_safe(self, reason: str) -> None:
        """Stop feeding and dump a batch that runs."""
        with self._bench.lock:
            for timer in self._timers:
                timer.cancel()
            self._timers.clear()
            status, self._status = self._status, None
            running = self._bench.journal.running()
            if running is not None:
                self._bench.journal.stopped(running["key"], reason, t_s=self._bench.clock.elapsed_s())
                self._reactor.enter(ReactorState.STOPPED)
        if status is not None and not status.done:
            status.set_exception(LabStopped(f"The batch was stopped: {reason}."))

    def _at(self, moment_s: float, action: Callable[[], None]) -> None:
        self._timers.append(self._bench.clock.after(moment_s - self._bench.clock.elapsed_s(), action))

    def _finish(self, entry: Mapping[str, Any]) -> None:
        with self._bench.lock:
            status, self._status = self._status, None
            if status is None:  # stopped in this very moment
                return
            self._timers.clear()
            try:
                sample = self._bench.plant.synthesise(entry["conditions"], batch=entry["batch"])
                self._bench.journal.done(
                    entry["key"], dataclasses.asdict(sample), t_s=float(entry["until_s"])
                )
            except Exception as error:
                reason = f"the plant failed: {error}"
                self._bench.journal.stopped(str(entry["key"]), reason, t_s=self._bench.clock.elapsed_s())
                self._reactor.enter(ReactorState.FAULT)
                status.set_exception(error)
                return
            self._reactor.enter(ReactorState.DONE)
        status.set_finished()
        status.wait(timeout=60)  # before the clock looks whether anyone still waits
