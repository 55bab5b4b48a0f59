"""The orders that a simulated controller takes for one of its reactors."""

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ophyd.status import Status

from devices.errors import LabError
from devices.reactor import Reactor

if TYPE_CHECKING:
    from sim.ioc_controller import Controller

Value = float | str


class ReactorOrders:
    """Starts batches by ``key``, answers about ``query``, and tells why the last one was lost: ``reason``."""

    def __init__(self, reactor: Reactor, controller: "Controller") -> None:
        self.reactor, self._controller = reactor, controller
        self.key, self.query, self.reason = "", "", ""
        self._status: Status | None = None

    def go_on(self) -> None:
        """Go on with the batch that ran: a power cut is no reason to lose it."""
        running = self.reactor.logic.running()
        if running is not None:
            self.key = running
            self.start()

    def move(self, name: str, value: Value) -> None:
        """Bring a set-point to ``value``."""
        self._controller.check_released()
        running = self.reactor.logic.running()
        if running is not None:
            raise LabError(f"The batch {running} runs, and its set-points stand until it ends.")
        self._controller.alive()
        self._controller.wait_for(getattr(self.reactor.set_points, name).set(value))

    def start(self) -> None:
        """Start the batch of ``key`` at the set-points as they stand; again for one that runs is no start."""
        self._controller.check_released()
        self.reactor.check_free(self.key)
        self._controller.alive()
        known = self.reactor.record(self.key)
        if known is not None and known.state == "fault":
            raise LabError(f"The batch {self.key} ended in a fault ({known.reason}).")
        if known is None or (known.state == "running" and not self._under_way):
            status = self.reactor.set(self.key)
            if self.reactor.record(self.key) is None:
                raise status.exception(timeout=10) or LabError(f"The batch {self.key} did not start.")
            self.reason, self._controller.tripped = "", False
            self._status = status
            self._controller.wait_for(status)

    def abort(self, reason: str) -> None:
        """Stop feeding and bring everything to its safe state; a batch that runs is lost."""
        running = self.reactor.logic.running()
        self.reactor.make_safe(reason)
        if running is not None:
            self.reason = reason

    def make_safe(self, reason: str) -> None:
        """The whole plant is made safe, for this reason."""
        self.reactor.make_safe(reason)
        self.reason = reason

    @property
    def armed(self) -> bool:
        """Whether the reactor is away from its safe state."""
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

    @property
    def _under_way(self) -> bool:
        return self._status is not None and not self._status.done
