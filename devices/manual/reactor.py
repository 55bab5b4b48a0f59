"""A reactor that a person works: the batch is written down as a task, and is done when it is confirmed."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ophyd import Signal
from ophyd.status import Status

from devices.backend import DirectBackend
from devices.clock import Clock, iso
from devices.errors import DeviceFault, LabError, LabStopped, NeedsPerson
from devices.limits import Limit, LimitSource
from devices.manual.board import Board
from devices.manual.task import Ask, Task
from devices.manual.waiting import Waiting
from devices.reactor import Reactor, ReactorState
from devices.records import Conditions, RunRecord
from devices.setpoints import SetPointLogic

SECONDS_PER_HOUR = 3600.0

_STATES = {
    "waiting": ReactorState.REACTING,
    "done": ReactorState.DONE,
    "rejected": ReactorState.FAULT,
    "withdrawn": ReactorState.STOPPED,
}


class ManualReactor(Reactor):
    """A reactor worked by a person.

    ``instructions`` are said beside the set-points, ``timeout_h`` is how long to wait for the confirmation in
    hours. After that the task goes on waiting, and the same command waits for it again. A read-back is what
    the person typed, else what was asked for; before the confirmation it is not known to have been reached.
    """

    def __init__(
        self,
        *,
        name: str,
        source: LimitSource,
        backend: DirectBackend,
        settings: Mapping[str, Mapping[str, Any]],
        instructions: Sequence[str] = (),
        timeout_h: float = 24.0,
    ) -> None:
        unknown = [quantity for quantity, options in settings.items() if options]
        if unknown:
            raise LabError(
                f"The manual set-point {unknown[0]} takes no options; leave them out of the lab file."
            )
        if not timeout_h > 0:
            raise LabError(f"The {name}'s timeout_h is {timeout_h:g}; expected more than 0 hours.")
        super().__init__(name=name, source=source, clock=backend.clock, make_logic=_asked)
        board = Board(backend.state_dir / "manual")
        lines = (instructions,) if isinstance(instructions, str) else tuple(instructions)
        self.logic = self.batch = ManualBatch(self, board, lines, timeout_h * SECONDS_PER_HOUR)
        self.starts.put(len(board.tasks(name)))
        self.unread: set[str] = set(self.set_points.component_names)
        """Quantities of which nobody has said yet what they are."""
        latest = board.tasks(name)[-1:]
        if latest:
            self.run_id.put(latest[0].key)
            state = _STATES[latest[0].state]
            self.state.put(state.value)
            if state is ReactorState.DONE:
                self.show(latest[0])

    def show(self, task: Task) -> None:
        """Put what a batch reached on the read-backs, for whoever records the run."""
        stamp = self.clock.now().timestamp()
        for ask in task.asks:
            reached = task.answer.values.get(ask.name, ask.asked) if task.answer else ask.asked
            if ask.name in self.set_points.component_names:
                getattr(self.set_points, ask.name).readback.put(reached, timestamp=stamp)
                self.unread.discard(ask.name)

    def stop(self, *, success: bool = False) -> None:
        """As every reactor; but a person who is late may be at it still, so that task stays."""
        if not self.batch.late:
            super().stop(success=success)

    def alarms(self) -> list[str]:
        """What the latest confirmed batch reached outside limits."""
        return self.batch.flags()


class ManualBatch:
    """The tasks of the reactor; the board is its memory."""

    def __init__(
        self, reactor: ManualReactor, board: Board, instructions: tuple[str, ...], timeout_s: float
    ) -> None:
        self._reactor, self._board = reactor, board
        self._instructions, self._timeout_s = instructions, timeout_s
        self._lock = threading.RLock()
        self._waiting: Waiting | None = None
        self._status: Status | None = None
        self.late = False
        """Whether the plan that ends was given up because nobody confirmed in time."""

    def record(self, key: str) -> RunRecord | None:
        """What the board knows of ``key``: conditions as asked; times and values as typed, else of asking."""
        task = self._board.task(self._id(key))
        if task is None:
            return None
        answer = task.answer
        asked = {ask.name: ask.asked for ask in task.asks if ask.asked is not None}
        return RunRecord(
            key=key,
            state="running" if task.state == "waiting" else "done" if task.state == "done" else "fault",
            started_at=_utc(answer.started if answer else "") or task.asked_at,
            finished_at=_utc(answer.finished if answer else "") or task.closed_at,
            conditions=asked,
            starts=1,
            reason=f"{task.state} by {task.closed_by}: {task.reason}" if task.reason else "",
            reached={name: value for name, value in answer.values.items() if name in asked} if answer else {},
        )

    def running(self) -> str | None:
        """The key of the task that waits."""
        tasks = self._board.tasks(self._reactor.name)
        return next((task.key for task in tasks if task.state == "waiting"), None)

    def flags(self) -> list[str]:
        """What lay outside limits in the latest confirmed batch."""
        answers = [task.answer for task in self._board.tasks(self._reactor.name) if task.answer is not None]
        return list(answers[-1].flags) if answers else []

    def expected_s(self, conditions: Conditions) -> float:
        """As long as is waited for a person, in seconds."""
        return self._timeout_s

    def start(self, key: str, conditions: Conditions, status: Status) -> None:
        """Post the task, or wait for it if it is posted already."""
        running = self.running()
        if running not in (None, key):
            raise LabError(f"The reactor is busy with the batch {running}; confirm or reject its task first.")
        limits = self._reactor.source.read()
        with self._lock:
            task = self._board.post(
                Task(
                    id=self._id(key),
                    key=key,
                    device=self._reactor.name,
                    title=f"Make the batch {key}",
                    instructions=self._instructions,
                    asks=tuple(Ask.of(limits[name], value) for name, value in conditions.items()),
                    asked_at=iso(datetime.now(UTC)),
                )
            )
            self.late = False
            self._status = status
            self._reactor.starts.put(len(self._board.tasks(self._reactor.name)))
            if task.state == "waiting":
                self._reactor.unread = set(conditions)
                self._reactor.enter(ReactorState.REACTING)
            self._waiting = Waiting(self._board, task.id, self._timeout_s, self._closed)

    def make_safe(self, reason: str) -> None:
        """Take the task back that waits, if there is one; what a person has begun is theirs to end safely."""
        with self._lock:
            if self._waiting is not None:
                self._waiting.leave()
            status, self._status = self._status, None
            running = self.running()
            if running is not None:
                self._board.withdraw(self._id(running), reason)
                self._reactor.enter(ReactorState.STOPPED)
        if status is not None and not status.done:
            status.set_exception(LabStopped(f"The batch was stopped: {reason}."))

    def _closed(self, task: Task | LabError | None) -> None:
        with self._lock:
            status, self._status = self._status, None
            if status is None:  # stopped in this very moment
                return
            if isinstance(task, LabError):
                status.set_exception(task)
                return
            if task is None:
                self.late = True
                key = self.running()
                hours = self._timeout_s / SECONDS_PER_HOUR
                status.set_exception(
                    NeedsPerson(
                        f"Nobody confirmed the batch {key} within {hours:g} h; its task still waits: use "
                        f"`morpholoop lab confirm {key}`, then give the same command again."
                    )
                )
                return
            if task.state != "done":
                self._reactor.enter(ReactorState.FAULT)
                status.set_exception(
                    DeviceFault(f"The batch {task.key} was {task.state} by {task.closed_by}: {task.reason}.")
                )
                return
            self._reactor.show(task)
            self._reactor.enter(ReactorState.DONE)
        status.set_finished()

    def _id(self, key: str) -> str:
        return f"{key}@{self._reactor.name}"


class _Asked:
    """A quantity that a person will bring there: the task says it, and the read-back waits for the answer."""

    def move(self, value: float | str, status: Status) -> None:
        """Nothing moves yet."""
        status.set_finished()

    def make_safe(self, value: float | str) -> None:
        """Nothing moves by itself."""


def _asked(limit: Limit, readback: Signal, clock: Clock) -> SetPointLogic:
    return _Asked()


def _utc(text: str) -> str:
    return iso(datetime.fromisoformat(text)) if text else ""
