"""A batch reactor: set-points, a run id that is the dispatch key, and a controller of batches."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Protocol

from ophyd import Component, Device, Kind, Signal
from ophyd.status import Status

from devices.clock import Clock
from devices.errors import LabError, LabStopped
from devices.interlocks import Interlock, Supervisor
from devices.limits import LimitSource, complete
from devices.records import Conditions, RunRecord, check_key
from devices.setpoints import MakeLogic, make_set_points


class ReactorState(StrEnum):
    """What the reactor is doing."""

    IDLE = "idle"
    RAMPING = "ramping"
    FEEDING = "feeding"
    REACTING = "reacting"
    SAMPLING = "sampling"
    DONE = "done"
    STOPPED = "stopped"
    FAULT = "fault"


class BatchLogic(Protocol):
    """The controller of the reactor, which remembers every key it was started with."""

    def record(self, key: str) -> RunRecord | None:
        """What it knows of ``key``; None if the reactor was never started with it."""
        ...

    def running(self) -> str | None:
        """The key of the batch that runs, attached to or not; None: the reactor is free."""
        ...

    def start(self, key: str, conditions: Conditions, status: Status) -> None:
        """Start the batch and finish ``status`` when its sample is there.

        A key that runs already is waited for and one that is done is done: it is never started twice.
        Raises :class:`LabError` if another batch runs, or the key ended in a fault.
        """
        ...

    def make_safe(self, reason: str) -> None:
        """Stop feeding; a batch that runs is lost, and the controller remembers why."""
        ...

    def expected_s(self, conditions: Conditions) -> float:
        """How long such a batch takes, in seconds of the lab."""
        ...


class Reactor(Device):  # type: ignore[misc]
    """The base of every reactor: bluesky sets it to a dispatch key, and the batch is done when the status is.

    A back end is a subclass that hands over its logic. ``on_state`` (if any) is told each change of state.
    While ``inhibited`` says why, nothing is started: a stop must not be overtaken by a start on its way.
    """

    simulated = False
    state = Component(Signal, value=ReactorState.IDLE.value, kind=Kind.hinted)
    run_id = Component(Signal, value="", kind=Kind.normal)
    starts = Component(Signal, value=0, kind=Kind.normal)

    def __init__(
        self, *, name: str, source: LimitSource, clock: Clock, make_logic: MakeLogic, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.clock, self.source = clock, source
        self.set_points = make_set_points(source, clock, make_logic, name=f"{name}_set_points")
        self.on_state: Callable[[ReactorState], None] | None = None
        self.logic: BatchLogic
        self.inhibited = ""
        self.sensors: dict[str, Signal] = {}
        """What is measured beside the set-points, by name: pressure, say."""
        self.supervisor: Supervisor | None = None

    def guard(self, interlocks: Iterable[Interlock]) -> None:
        """Have interlocks watch the read-backs and sensors from now on.

        Errors: :class:`LabError` if one watches what the reactor does not measure.
        """
        readbacks = {
            name: getattr(self.set_points, name).readback for name in self.set_points.component_names
        }
        self.supervisor = Supervisor(
            interlocks,
            {**readbacks, **self.sensors},
            self.clock,
            make_safe=self.make_safe,
            in_batch=lambda: self.state.get() in (ReactorState.FEEDING, ReactorState.REACTING),
        )

    def check_interlocks(self, *, starting: bool) -> None:
        """Raise :class:`~devices.errors.NeedsPerson` while an interlock forbids to move, or to start."""
        if self.supervisor is not None:
            self.supervisor.check(starting=starting)

    def enter(self, state: ReactorState) -> None:
        """Take note that the reactor is now in ``state``."""
        self.state.put(state.value, timestamp=self.clock.now().timestamp())
        if self.on_state is not None:
            self.on_state(state)

    def record(self, key: str) -> RunRecord | None:
        """What the reactor itself knows of a dispatch key."""
        return self.logic.record(key)

    def check_free(self, key: str) -> None:
        """Raise :class:`LabError` if a batch other than ``key`` runs."""
        running = self.logic.running()
        if running not in (None, key):
            raise LabError(f"The reactor is busy with the batch {running}; wait for it, or stop it.")

    def setting(self) -> dict[str, float | str]:
        """The set-points as they stand."""
        return {
            name: getattr(self.set_points, name).setpoint.get() for name in self.set_points.component_names
        }

    def set(self, key: str) -> Status:
        """Run the batch ``key`` at the set-points as they stand; safe to repeat with the same key."""
        check_key(key)
        if self.inhibited:
            raise LabStopped(f"The reactor was not started, because it was stopped: {self.inhibited}.")
        known = self.record(key)
        # What stands on the set-points is checked once more: limits may have been tightened since.
        conditions = known.conditions if known else complete(self.setting(), self.source.read())
        if known is None:
            self.check_interlocks(starting=True)
        expected = self.logic.expected_s(conditions)
        status = Status(self, timeout=self.clock.wall_seconds(2 * expected + 3600.0))
        self.run_id.put(key, timestamp=self.clock.now().timestamp())
        try:
            self.logic.start(key, conditions, status)
        except LabError as refusal:
            status.set_exception(refusal)
            status.exception(timeout=10)
        return status

    def check(self) -> list[str]:
        """What is wrong with the reactor now, in words; nothing moves."""
        return [] if self.connected else [f"{self.name} is not connected"]

    def make_safe(self, reason: str = "the plan ended early") -> None:
        """Stop feeding and bring every set-point to its safe value; never raises, never waits."""
        self.logic.make_safe(reason)
        for name in self.set_points.component_names:
            getattr(self.set_points, name).make_safe()

    def stop(self, *, success: bool = False) -> None:
        """What bluesky calls when a plan ends, in whatever way: the reactor is left safe."""
        self.make_safe()
