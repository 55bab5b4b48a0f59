"""What goes on beside a plan: heartbeats to the controller, and a look at what it was asked to do."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from ophyd.status import Status
from ophyd.utils import InvalidState

from devices.epics.channel import Channel, ControllerSilent
from devices.errors import LabError

_log = logging.getLogger(__name__)

Check = Callable[[], bool]
"""Whether what was asked for has happened; raises what explains why it cannot any more."""


Look = Callable[[], Callable[[], object]]
"""Reads something of the controller, and returns what shows it on this side."""


class Watch:
    """A thread that beats every ``period_s`` between :meth:`begin` and :meth:`end`, and finishes statuses.

    A status is looked at when :meth:`poke` is called (a PV has changed) and with every beat. When the
    controller has been silent for ``patience_s``, what waits for it fails.
    """

    def __init__(self, heartbeat: Channel, *, period_s: float, patience_s: float) -> None:
        self._heartbeat, self._period_s, self._patience_s = heartbeat, period_s, patience_s
        self._waiting: list[tuple[Status, Check]] = []
        self._looks: list[Look] = []
        self._reactors: set[str] = set()
        self._lock = threading.Lock()
        self._poked = threading.Event()
        self._closed = False
        self._beating: set[str] = set()
        self._count = 0
        self._heard = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="epics-watch", daemon=True)
        self._thread.start()

    def begin(self, device: str) -> None:
        """Beat from now on: a plan is under way with a device."""
        if not self._beating:
            self._poked.set()
        self._beating.add(device)

    def end(self, reactor: str) -> None:
        """Beat no longer for a reactor, which is safe; nor at all, once no other one is under way."""
        self._beating -= {reactor}
        if not self._beating & self._reactors:
            self._beating = set()

    def reactor(self, name: str) -> None:
        """Have a reactor of this name, for which it is the only one. Errors: :class:`LabError`."""
        if name in self._reactors:
            raise LabError(
                f"Two reactors of the lab file are the same one of the controller ({name}…); give each its "
                "own `base` in its options."
            )
        self._reactors.add(name)

    def poke(self) -> None:
        """Look now at what is waited for."""
        self._poked.set()

    def follow(self, look: Look) -> None:
        """Have ``look`` read something with every :meth:`poke`, in this thread alone.

        What monitors bring is not taken itself: it may be older than what was read meanwhile. All is read
        before the first of it is shown, and what was read last is shown first: a reactor that has stopped is
        known to have stopped before its stirrer stands.
        """
        self._looks.append(look)

    def until(self, check: Check, status: Status) -> None:
        """Finish ``status`` when ``check`` says so, and fail it with what it raises."""
        with self._lock:
            self._waiting.append((status, check))
            self._heard = time.monotonic()
        self._poked.set()

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._poked.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        due = 0.0
        while not self._closed:
            poked = self._poked.wait(max(0.0, due - time.monotonic()))
            self._poked.clear()
            if time.monotonic() >= due:
                if self._beating:
                    self._count += 1
                    self._heartbeat.send(self._count)
                due = time.monotonic() + self._period_s
            if poked and self._heartbeat.connected:
                self._look()
            with self._lock:
                waiting, self._waiting = self._waiting, []
            left = [(status, check) for status, check in waiting if not self._settled(status, check)]
            with self._lock:
                self._waiting += left

    def _look(self) -> None:
        try:
            for show in reversed([look() for look in self._looks]):
                show()
        except ControllerSilent:
            pass  # what waits for it finds that out, with patience
        except Exception:
            # This thread keeps the plant alive, so nothing may end it.
            _log.exception("a reading from the controller made no sense")

    def _settled(self, status: Status, check: Check) -> bool:
        if status.done:
            return True
        try:
            if not self._heartbeat.connected:
                raise self._heartbeat.silent()
            happened = check()
        except ControllerSilent as silence:
            # It may come back, and a batch goes on without us.
            if time.monotonic() - self._heard < self._patience_s:
                return False
            _settle(status, silence)
        except Exception as error:  # whoever waits must not wait for ever
            _settle(status, error)
        else:
            self._heard = time.monotonic()
            if not happened:
                return False
            _settle(status, None)
        return True


def _settle(status: Status, error: Exception | None) -> None:
    with contextlib.suppress(InvalidState):  # stopped in this very moment
        if error is None:
            status.set_finished()
        else:
            status.set_exception(error)
