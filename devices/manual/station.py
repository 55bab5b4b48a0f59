"""A step between reactor and microscope that a person does: washing, filtering, drying, sizing."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ophyd import Component, Device, Kind, Signal
from ophyd.device import create_device_from_components
from ophyd.status import Status

from devices.backend import DirectBackend
from devices.clock import iso
from devices.errors import LabError, LabStopped, NeedsPerson, SampleLost
from devices.manual.board import Board
from devices.manual.task import Ask, Task
from devices.manual.waiting import Waiting
from devices.records import check_key
from devices.station import Station

SECONDS_PER_HOUR = 3600.0


class ManualStation(Station):
    """bluesky sets it to a dispatch key, and the step is done when a person confirms it for that key.

    ``asks`` are the values to be typed, by name: ``unit``, ``low``, ``high``, ``required``. What was typed is
    in ``results`` for the latest key, and in :meth:`result` for any. The board remembers every key, so that
    nothing is asked twice.
    """

    sample = Component(Signal, value="", kind=Kind.normal)

    def __init__(
        self,
        *,
        name: str,
        backend: DirectBackend,
        title: str = "",
        instructions: Sequence[str] = (),
        asks: Mapping[str, Mapping[str, Any]] | None = None,
        ascending: Sequence[str] = (),
        timeout_h: float = 24.0,
    ) -> None:
        super().__init__(name=name)
        if not timeout_h > 0:
            raise LabError(f"The {name}'s timeout_h is {timeout_h:g}; expected more than 0 hours.")
        try:
            self._asks = tuple(Ask(name=value, **about) for value, about in (asks or {}).items())
        except (TypeError, ValueError) as error:
            raise LabError(f"What the {name} asks for cannot be read ({error}).") from error
        self._title = title or f"Do the step {name}"
        self._instructions = (instructions,) if isinstance(instructions, str) else tuple(instructions)
        self._ascending, self._timeout_s = tuple(ascending), timeout_h * SECONDS_PER_HOUR
        self._board = Board(backend.state_dir / "manual")
        signals = {ask.name: Component(Signal, value=float("nan"), kind=Kind.hinted) for ask in self._asks}
        made = create_device_from_components("Results", base_class=Device, **signals)
        self.results = made(name=f"{name}_results")
        self._lock = threading.RLock()
        self._waiting: Waiting | None = None
        self._status: Status | None = None
        self._late = False

    def task(self, key: str) -> Task | None:
        """What was asked for ``key``, with its answer."""
        check_key(key)
        return self._board.task(f"{key}@{self.name}")

    def done(self, key: str) -> bool:
        """Whether a person confirmed the step of ``key``."""
        task = self.task(key)
        return task is not None and task.state == "done"

    def result(self, key: str) -> dict[str, float | str] | None:
        """What was typed for ``key``; None until it is confirmed."""
        task = self.task(key)
        return None if task is None or task.answer is None else dict(task.answer.values)

    def read(self) -> dict[str, Any]:
        """The sample and what was typed for it."""
        return {**super().read(), **self.results.read()}

    def describe(self) -> dict[str, Any]:
        """As ophyd does, with the units of what is typed."""
        typed = self.results.describe()
        for ask in self._asks:
            typed[f"{self.name}_results_{ask.name}"]["units"] = ask.unit
        return {**super().describe(), **typed}

    def set(self, key: str) -> Status:
        """Ask for the step of ``key``, or wait for it if it is asked for already."""
        check_key(key)
        status = Status(self, timeout=2 * self._timeout_s + 60.0)
        with self._lock:
            if self._status is not None and not self._status.done:
                raise LabError(f"The {self.name} waits for a person already; let that task end first.")
            task = self._board.post(
                Task(
                    id=f"{key}@{self.name}",
                    key=key,
                    device=self.name,
                    title=f"{self._title}: {key}",
                    instructions=self._instructions,
                    asks=self._asks,
                    ascending=self._ascending,
                    asked_at=iso(datetime.now(UTC)),
                ),
                again=("withdrawn",),
            )
            self._late, self._status = False, status
            self.sample.put(key)
            self._waiting = Waiting(self._board, task.id, self._timeout_s, self._closed)
        return status

    def stop(self, *, success: bool = False) -> None:
        """What bluesky calls when a plan ends; a task that waits is taken back, unless the person is late."""
        if not self._late:
            self.make_safe("the plan ended early")

    def make_safe(self, reason: str) -> None:
        """Take back the task that waits, if there is one."""
        with self._lock:
            if self._waiting is not None:
                self._waiting.leave()
            status, self._status = self._status, None
            for task in self._board.tasks(self.name):
                if task.state == "waiting":
                    self._board.withdraw(task.id, reason)
        if status is not None and not status.done:
            status.set_exception(LabStopped(f"The {self.name} was stopped: {reason}."))

    def _closed(self, task: Task | LabError | None) -> None:
        with self._lock:
            status, self._status = self._status, None
            if status is None:  # stopped in this very moment
                return
            self._late = task is None
        if isinstance(task, LabError):
            status.set_exception(task)
        elif task is None:
            key, hours = self.sample.get(), self._timeout_s / SECONDS_PER_HOUR
            status.set_exception(
                NeedsPerson(
                    f"Nobody confirmed the {self.name} of {key} within {hours:g} h; "
                    f"its task still waits: use `morpholoop lab confirm {key}@{self.name}`, "
                    "then give the same command again."
                )
            )
        elif task.state != "done" or task.answer is None:
            told = f"The {self.name} of {task.key} was {task.state} by {task.closed_by}: {task.reason}."
            status.set_exception(SampleLost(told))
        else:
            for name, value in task.answer.values.items():
                getattr(self.results, name).put(value)
            status.set_finished()


class ManualSizer(ManualStation):
    """A particle sizer whose D10, D50 and D90 (µm, by volume) are typed in and kept with the key."""

    def __init__(
        self,
        *,
        name: str,
        backend: DirectBackend,
        instructions: Sequence[str] = (),
        low_um: float = 0.01,
        high_um: float = 3000.0,
        timeout_h: float = 72.0,
    ) -> None:
        diameters = ("d10_um", "d50_um", "d90_um")
        super().__init__(
            name=name,
            backend=backend,
            title="Size the particles",
            instructions=instructions,
            asks={
                one: {"unit": "µm", "low": float(low_um), "high": float(high_um), "required": True}
                for one in diameters
            },
            ascending=diameters,
            timeout_h=timeout_h,
        )
