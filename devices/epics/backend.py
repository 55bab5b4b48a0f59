"""What the devices over EPICS have in common: the controller's PVs, its clock, and heartbeats to it."""

import contextlib
import threading
from collections.abc import Callable, Collection, Hashable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devices.clock import iso
from devices.epics import access
from devices.epics.channel import Channel, ControllerSilent, Kind, connect
from devices.epics.watch import Watch
from devices.errors import LabError

ALLOWANCE_S = 300.0
"""What the wall may see beside the time of the lab, in seconds: computing, and the network."""

BEATS_PER_WATCHDOG = 3
"""Heartbeats that have to fit into the controller's watchdog time, so that a late one is no alarm."""


class EpicsBackend:
    """The controller whose PVs begin with ``prefix``.

    ``addresses``: see :func:`devices.epics.access.begin`. ``connect_s`` is how long to look for its PVs,
    ``reply_s`` how long an answer may take, ``patience_s`` how long it may be away while something is waited
    for, ``heartbeat_s`` how often to tell it that we are there; all in seconds.
    """

    def __init__(
        self,
        *,
        state_dir: Path,
        seed: int,
        prefix: str,
        addresses: Sequence[str] | None = None,
        connect_s: float = 10.0,
        reply_s: float = 5.0,
        patience_s: float = 30.0,
        heartbeat_s: float = 1.0,
    ) -> None:
        access.begin(addresses)
        self.state_dir = state_dir
        self._prefix, self._connect_s, self._reply_s = prefix, connect_s, reply_s
        self._channels: list[Channel] = []
        simulated, watchdog = self.channel("Simulated"), self.channel("Watchdog:Timeout")
        heartbeat, self._note = self.channel("Heartbeat"), self.channel("Note", "text")
        self._refusal = self.channel("Refusal", "text")
        self.clock = ControllerClock(
            time=self.channel("Time"),
            hours=self.channel("Hours"),
            factor=self.channel("TimeFactor"),
            go_on=self.channel("Pass"),
        )
        try:
            self.connect()
            self.simulated = simulated.number() != 0
            self.clock.begin()
            watchdog_s = watchdog.number()
            if not 0 < BEATS_PER_WATCHDOG * heartbeat_s <= watchdog_s:
                raise LabError(
                    f"The controller's watchdog waits {watchdog_s:g} s, and a heartbeat each {heartbeat_s:g} "
                    f"s is too rare for it; set heartbeat_s to at most {watchdog_s / BEATS_PER_WATCHDOG:g}."
                )
        except BaseException:  # an interrupt, too, leaves no PV connected; it goes on
            self._forget()
            raise
        self.watch = Watch(heartbeat, period_s=heartbeat_s, patience_s=patience_s)

    def channel(self, name: str, kind: Kind = "number") -> Channel:
        """The PV ``name`` (without the prefix), which is not waited for yet."""
        made = Channel(f"{self._prefix}{name}", kind=kind, connect_s=self._connect_s, reply_s=self._reply_s)
        self._channels.append(made)
        return made

    def connect(self) -> None:
        """Wait for every PV that was made; raises :class:`ControllerSilent` naming those that are missing."""
        connect(self._channels)

    def refused(self, what: str) -> LabError:
        """The error that says why the controller did not do ``what``."""
        reason = self._refusal.text() or "it gives no reason"
        return LabError(f"The controller did not {what} ({reason}); nothing was changed by this.")

    def note_stop(self, reason: str) -> None:
        """Have the controller write into its journal that the lab was stopped."""
        self._note.send(reason)

    def close(self) -> None:
        """Beat no longer, and let go of the PVs."""
        self.watch.close()
        self._forget()

    def _forget(self) -> None:
        for channel in self._channels:
            channel.forget()


class ControllerClock:
    """The lab's time as the controller tells it.

    ``factor`` are seconds of the lab in a real one: 1 for hardware; 0 for a simulated plant whose time jumps,
    which it does when ``go_on`` is written: a plan has given its orders and waits.
    """

    def __init__(self, *, time: Channel, hours: Channel, factor: Channel, go_on: Channel) -> None:
        self._time, self._hours, self._factor, self._go_on = time, hours, factor, go_on
        self._seconds_in_one = 1.0
        self._known: dict[Channel, float] = {}

    def begin(self) -> None:
        """Read what does not change, once the controller answers."""
        self._seconds_in_one = self._factor.number()
        self._known = {channel: channel.number() for channel in (self._time, self._hours)}

    def now(self) -> datetime:
        """The controller's date and time; as last told while it is silent."""
        return datetime.fromtimestamp(self._told(self._time), UTC)

    def hours(self) -> float:
        """Hours since the controller's clock began; as last told while it is silent."""
        return self._told(self._hours)

    def iso(self) -> str:
        """:meth:`now` in ISO 8601, UTC."""
        return iso(self.now())

    def wall_seconds(self, lab_seconds: float) -> float:
        """``lab_seconds`` as the wall sees them, with an allowance."""
        return ALLOWANCE_S + (lab_seconds / self._seconds_in_one if self._seconds_in_one else 0.0)

    def after(self, delay_s: float, action: Callable[[], None], /) -> threading.Timer:
        """Call ``action`` when ``delay_s`` seconds of the lab have passed (at once where time jumps)."""
        timer = threading.Timer(delay_s / self._seconds_in_one if self._seconds_in_one else 0.0, action)
        timer.daemon = True
        timer.start()
        return timer

    def hold(self, who: Hashable) -> None:
        """The controller's time is its own."""

    def let_go(self, who: Hashable) -> None:
        """The controller's time is its own."""

    def waiting(self, statuses: Collection[Any] | None = None, who: Hashable = None) -> None:
        """Tell the controller that a plan waits: a plant whose time jumps has it pass now."""
        if statuses and not self._seconds_in_one:
            self._go_on.send(1)

    def _told(self, channel: Channel) -> float:
        # Stopping the lab asks for the time as well, and must neither wait nor fail.
        if channel.connected:
            with contextlib.suppress(ControllerSilent):
                self._known[channel] = channel.number()
        return self._known[channel]
