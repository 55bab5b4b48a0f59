"""The simulated plant as a controller of its own: it takes orders, keeps a watchdog, and tells how it is."""

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ophyd.status import Status

from devices.errors import LabError
from devices.microscope import Microscope, Montage
from devices.reactor import Reactor
from devices.records import check_key
from sim.bench import SimulatedBench

Value = float | str


class Controller:
    """Drives a simulated reactor and microscope for whoever gives orders; all of it in one thread.

    An order that cannot be followed raises :class:`LabError`, and ``refusal`` says why. ``watchdog_s`` is how
    long, in real seconds, the plant may stand away from its safe state with no sign of life from outside.
    ``changed`` is called, from any thread, when something may be different.
    """

    def __init__(
        self,
        bench: SimulatedBench,
        reactor: Reactor,
        microscope: Microscope,
        *,
        watchdog_s: float,
        real_time: bool,
        changed: Callable[[], None],
    ) -> None:
        self.bench, self.reactor, self.microscope = bench, reactor, microscope
        self.watchdog_s, self._real_time, self._changed = watchdog_s, real_time, changed
        self.key, self.query, self.refusal, self.reason = "", "", "", ""
        self.sample, self.folder, self.field = "", "", 0
        self._exposure: Status | None = None
        self.emergency = False
        self.tripped = False
        self._alive_s = time.monotonic()
        self._outstanding: list[Status] = []
        reactor.on_state = lambda _: changed()
        running = reactor.logic.running()
        if running is not None:  # a power cut is no reason to lose a batch
            self.key = running
            self.start()

    # Orders

    def move(self, name: str, value: Value) -> None:
        """Bring a set-point to ``value``."""
        self._check_released()
        running = self.reactor.logic.running()
        if running is not None:
            raise LabError(f"The batch {running} runs, and its set-points stand until it ends.")
        self._alive()
        self._wait_for(getattr(self.reactor.set_points, name).set(value))

    def start(self) -> None:
        """Start the batch of ``key`` at the set-points as they stand; again for one that runs is no start."""
        self._check_released()
        self.reactor.check_free(self.key)
        self._alive()
        known = self.reactor.record(self.key)
        if known is not None and known.state == "fault":
            raise LabError(f"The batch {self.key} ended in a fault ({known.reason}).")
        if known is None or (known.state == "running" and not self._outstanding):
            status = self.reactor.set(self.key)
            if self.reactor.record(self.key) is None:
                raise status.exception(timeout=10) or LabError(f"The batch {self.key} did not start.")
            self.reason, self.tripped = "", False
            self._wait_for(status)

    def abort(self, reason: str) -> None:
        """Stop feeding and bring everything to its safe state; a batch that runs is lost."""
        running = self.reactor.logic.running()
        self.reactor.make_safe(reason)
        if running is not None:
            self.reason = reason

    def press_emergency_stop(self, pressed: bool) -> None:
        """Make the plant safe, and keep it so until the button is released."""
        self.emergency = pressed
        self.reactor.inhibited = "the emergency stop is pressed" if pressed else ""
        if pressed:
            self._make_safe("the emergency stop was pressed")

    def magnify(self, value: Value) -> None:
        """Set the magnification."""
        self._wait_for(self.microscope.magnification.set(value))

    def put_sample(self, key: str) -> None:
        """Put the sample of a batch under the beam."""
        check_key(key)
        if self.bench.journal.sample(key) is None:
            raise LabError(f"There is no sample of {key} to image; synthesise it first.")
        self.sample = key

    def acquire(self) -> None:
        """Image the field that is set, of the sample under the beam, into the folder that is set."""
        self._check_released()
        if self.acquiring:
            raise LabError("The microscope is acquiring already.")
        self._alive()
        self.microscope.image_path.put("")
        magnification = float(self.microscope.magnification.setpoint.get())
        montage = Montage(self.sample, magnification, 1, self.field, Path(self.folder))
        refusal = self.microscope.prepare(montage).exception(timeout=10)
        if refusal is not None:
            raise refusal
        self.microscope.field.put(self.field)
        self._exposure = self.microscope.trigger()
        self._wait_for(self._exposure)

    def let_time_pass(self) -> None:
        """Somebody waits: where time jumps, it passes until what was ordered is done."""
        self._alive()
        if not self._real_time:
            self.bench.clock.waiting(self._pending())

    def beat(self) -> None:
        """A sign of life."""
        self._alive()
        self.tripped = False

    # The watchdog

    def look(self) -> None:
        """Make the plant safe if nobody has given a sign of life in time; to be called often."""
        if self.armed and time.monotonic() - self._alive_s > self.watchdog_s:
            self.tripped = True
            self._make_safe(f"no heartbeat from the client for {self.watchdog_s:g} s")

    @property
    def armed(self) -> bool:
        """Whether the plant is away from its safe state, so that somebody has to watch it."""
        if self.reactor.logic.running() is not None:
            return True
        for name in self.reactor.set_points.component_names:
            set_point = getattr(self.reactor.set_points, name)
            try:
                safe = set_point.limit().safe
            except LabError:
                return True  # limits that cannot be read make nothing safe
            if safe is not None and safe != set_point.setpoint.get():
                return True
        return False

    # How it is

    @property
    def acquiring(self) -> bool:
        """Whether a field is being imaged."""
        return self._exposure is not None and not self._exposure.done

    @property
    def image_fault(self) -> str:
        """Why the last field was not imaged; empty if it was."""
        if self._exposure is None or self.acquiring or self._exposure.success:
            return ""
        return str(self._exposure.exception(timeout=0))

    def record(self) -> str:
        """What the journal knows of the key ``query``, as JSON."""
        record = self.reactor.record(self.query) if self.query else None
        found = None if record is None else dataclasses.asdict(record)
        return json.dumps({"key": self.query, "record": found})

    def expected_s(self) -> float:
        """How long the batch takes that runs, or that would start now; in seconds of the lab."""
        running = self.reactor.logic.running()
        known = None if running is None else self.reactor.record(running)
        conditions: Mapping[str, Value] = self.reactor.setting() if known is None else known.conditions
        return self.reactor.logic.expected_s(conditions)

    def _check_released(self) -> None:
        if self.emergency:
            raise LabError("The emergency stop is pressed; release it first.")

    def _make_safe(self, reason: str) -> None:
        self.reactor.make_safe(reason)
        self.microscope.stop()
        self.bench.note_stop(reason)
        self.reason = reason

    def _alive(self) -> None:
        self._alive_s = time.monotonic()

    def _wait_for(self, status: Status) -> None:
        self._outstanding.append(status)
        status.add_callback(lambda _: self._changed())
        if self._real_time:
            self.bench.clock.waiting(self._pending())

    def _pending(self) -> tuple[Status, ...]:
        self._outstanding = [status for status in self._outstanding if not status.done]
        return tuple(self._outstanding)
