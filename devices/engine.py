"""Runs plans in a bluesky RunEngine from any thread, and ends them safely."""

import contextlib
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from bluesky import RunEngine
from bluesky.utils import FailedStatus, RunEngineInterrupted
from ophyd.utils import StatusTimeoutError

from devices.clock import Clock
from devices.documents import DocumentFiles
from devices.errors import DeviceFault, LabError, LabStopped
from devices.interruptible import waited
from devices.plans import Plan

STOP_DEADLINE_S = 30.0


class Engine:
    """One RunEngine, one plan at a time.

    The plan runs in a thread of its own, because a KeyboardInterrupt inside ``RunEngine.__call__`` would
    leave the engine in a state that it cannot come back from. Documents go to ``runs``, then to ``listener``.
    ``aside`` is entered by the calling thread from the plan's first wait to its end.
    """

    def __init__(
        self, runs: Path, clock: Clock, listener: Callable[[str, dict[str, Any]], None] | None = None
    ) -> None:
        logging.getLogger("bluesky").addFilter(_no_aborts)
        self._run_engine = RunEngine({}, context_managers=[], call_returns_result=True)
        self._run_engine.waiting_hook = self._waits
        self._run_engine.subscribe(DocumentFiles(runs))
        if listener is not None:
            self._run_engine.subscribe(listener)
        self._clock = clock
        self.aside: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
        self._one_plan = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._stop_reason = ""
        self._aside, self._waited = contextlib.ExitStack(), False
        self._messages: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()

    @property
    def busy(self) -> bool:
        """Whether a plan runs."""
        return not self._idle.is_set()

    def run(self, plan: Plan, *, on_interrupt: Callable[[str], None]) -> Any:
        """Run ``plan`` to its end and return what it returns.

        What is posted meanwhile is called in the calling thread.
        ``on_interrupt`` is called with a reason if the calling thread is interrupted (Ctrl-C) meanwhile; the
        plan is then aborted before the interrupt goes on. Errors: :class:`LabStopped` after :meth:`stop`,
        :class:`LabError` for what the lab refused or did not do in time.
        """
        if not self._one_plan.acquire(blocking=False):
            raise LabError("The lab is busy with another plan; wait for it, or stop it.")
        try:
            self._stop_reason = ""
            self._messages = queue.SimpleQueue()
            self._idle.clear()
            self._clock.hold(self)
            ending: list[Any] = []
            self._aside = contextlib.ExitStack()
            self._waited = False
            threading.Thread(target=self._execute, args=(plan, ending), name="plan", daemon=True).start()
            with self._aside:
                try:
                    while (message := waited(self._messages)) is not None:
                        message()
                except BaseException as interruption:  # Ctrl-C, SystemExit, or a message that failed
                    reason = "interrupted by a person (Ctrl-C)"
                    if not isinstance(interruption, KeyboardInterrupt):
                        reason = f"the program failed: {interruption!r}"
                    on_interrupt(reason)
                    self.stop(reason)
                    raise
            if isinstance(ending[0], BaseException):
                raise self._explained(ending[0])
            return ending[0]
        finally:
            self._clock.let_go(self)
            self._one_plan.release()

    def _execute(self, plan: Plan, ending: list[Any]) -> None:
        try:
            ending.append(self._run_engine(plan).plan_result)
        except BaseException as error:  # handed to the caller's thread, which raises it
            ending.append(error)
            if self._run_engine.state == "paused":
                # Nobody here resumes; a paused plan would hold the lab for ever.
                self._abort("the plan was paused, and a paused plan is ended")
        finally:
            self._idle.set()
            self._messages.put(None)

    def _waits(self, statuses: Collection[Any] | None = None) -> None:
        """Called by the RunEngine as it begins to wait, and with None as it goes on."""
        if statuses and not self._waited:
            self._waited = True
            self.post(lambda: self._aside.enter_context(self.aside()))
        self._clock.waiting(statuses, self)

    def post(self, message: Callable[[], object]) -> None:
        """Have ``message`` called by the thread that waits in :meth:`run`; what it raises ends the plan."""
        self._messages.put(message)

    def _explained(self, error: BaseException) -> BaseException:
        if self._stop_reason:
            return _caused(LabStopped(f"The lab was stopped: {self._stop_reason}."), error)
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, LabError):
                return cause
            if isinstance(cause, StatusTimeoutError):
                device = error.args[0].obj.name if isinstance(error, FailedStatus) else "a device"
                return _caused(
                    DeviceFault(f"The lab gave up waiting: {device} did not finish in time."), error
                )
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, RunEngineInterrupted):
            return _caused(LabStopped("The plan was interrupted before its end."), error)
        return error

    def stop(self, reason: str) -> bool:
        """Abort the plan that runs, if any, and wait until the engine is idle; whether there was one.

        Errors: :class:`LabError` if the engine does not come to rest.
        """
        if self._idle.is_set():
            return False
        self._stop_reason = reason
        deadline = time.monotonic() + STOP_DEADLINE_S
        while not self._idle.wait(0.02):
            # Not while it is aborting: a second abort would cut the cleaning up short.
            if self._run_engine.state in ("running", "paused"):
                self._abort(reason)
            if time.monotonic() > deadline:
                raise LabError(
                    f"The plan did not stop within {STOP_DEADLINE_S:.0f} s; look after the reactor yourself."
                )
        return True

    def _abort(self, reason: str) -> None:
        # bluesky prints what it does to standard output, which belongs to the command's answer.
        with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(Exception):
            # It fails if the plan has just ended by itself; whether it rests is what counts, to the caller.
            self._run_engine.abort(reason)

    def close(self) -> None:
        """End the engine's thread."""
        self.stop("the lab was closed")
        loop = self._run_engine.loop
        if not loop.is_closed():
            thread = self._run_engine._th
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5.0)
            loop.close()


def _no_aborts(record: logging.LogRecord) -> bool:
    """Not the tracebacks that bluesky logs of every abort: what we raise tells them in one sentence."""
    return record.msg not in ("Run aborted", "No open traces left to close!")


def _caused(error: LabError, cause: BaseException) -> LabError:
    error.__cause__ = cause
    return error
