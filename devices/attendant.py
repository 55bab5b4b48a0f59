"""Beside every open lab: honours stop orders within a second, and keeps what the lab looks like on disk."""

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from devices import snapshot
from devices.errors import LabError, LabStopped
from devices.snapshot import Holder, Snapshot
from devices.stopping import StopOrder, standing

if TYPE_CHECKING:
    from devices.laboratory import Laboratory

_log = logging.getLogger(__name__)

LOOK_S = 0.2
KEEP_S = 1.0


class Attendant:
    """Looks for stop orders at ``orders`` while ``lab`` is open, in threads that wait for nothing else.

    ``file`` and ``seed`` are what the lab was opened with. What cannot be written is logged: the lab goes on.
    """

    def __init__(
        self, lab: "Laboratory", *, state_dir: Path, orders: tuple[Path, ...], file: Path, seed: int
    ) -> None:
        self._lab, self._state_dir, self._orders = lab, state_dir, orders
        self._file, self._seed, self._holder = file, seed, Holder.this()
        before = snapshot.read(state_dir)
        self._last_stop = before.last_stop if before is not None else None
        self._obeyed = self._obeying = ""
        self._alarm = ""
        self._kept: Snapshot | None = None
        self._leave, self._look_now = threading.Event(), threading.Event()
        # A controller that is slow to answer must not hold up a stop: what is kept has a thread of its own.
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("stop orders", self._attend), ("snapshots", self._keep_all))
        ]
        for thread in self._threads:
            thread.start()

    def check(self) -> None:
        """Raise :class:`LabStopped` while an order stands."""
        found = standing(self._orders)
        if found is not None:
            path, order = found
            raise LabStopped(
                f"Nothing was started, because the lab {self._lab.name} is stopped: {order.told()}; "
                f"when it is safe to go on, use `morpholoop lab clear {self._file}` (it removes {path})."
            )

    def note_stop(self, reason: str) -> None:
        """Remember the latest stop, unless it is the order that is being obeyed."""
        if reason != self._obeying:
            self._last_stop = StopOrder.now(reason)

    def close(self) -> None:
        """Look no more; the lab is let go of."""
        self._leave.set()
        self._look_now.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(5.0)
        self._keep(open_=False)

    def _attend(self) -> None:
        while not self._leave.is_set():
            if self._obey():
                self._look_now.set()
            self._leave.wait(LOOK_S)

    def _keep_all(self) -> None:
        while not self._leave.is_set():
            self._keep(open_=True)
            self._look_now.wait(KEEP_S)
            self._look_now.clear()

    def _obey(self) -> bool:
        """Stop the lab if an order stands that it has not obeyed, or if something was started past it."""
        found = standing(self._orders)
        if found is None or (found[1].id == self._obeyed and not self._lab.busy):
            return False
        order = found[1]
        self._obeying = order.told()
        try:
            self._lab.stop(self._obeying)
            self._obeyed, self._alarm = order.id, ""
        except Exception as error:  # the next look tries again
            self._alarm = f"the stop did not work: {error}"
            _log.exception("the stop did not work")
        # Only now: whoever gave the order takes this for its confirmation.
        self._last_stop = order
        return True

    def _written_over(self) -> bool:
        """Whether another process keeps this lab's state, too: when it ends, the lab is still open here."""
        there = snapshot.read(self._state_dir)
        return there is None or there.holder != self._holder

    def _keep(self, *, open_: bool) -> None:
        try:
            now = snapshot.take(
                self._lab,
                file=str(self._file),
                seed=self._seed,
                holder=self._holder,
                open=open_,
                last_stop=self._last_stop,
                alarms=(self._alarm,) if self._alarm else (),
            )
            same = self._kept is not None and now == self._kept.model_copy(update={"at": now.at})
            if not same or self._written_over():
                snapshot.write(now, self._state_dir)
                self._kept = now
        except (OSError, LabError) as error:
            _log.warning("what the lab looks like cannot be written: %s", error)
