"""The simulated plant as a controller of its own: it takes orders, keeps a watchdog, and tells how it is."""

import time
from collections.abc import Callable, Sequence

from ophyd.status import Status

from devices.errors import LabError
from devices.microscope import Microscope
from devices.reactor import Reactor
from sim.bench import SimulatedBench
from sim.ioc_microscope import MicroscopeOrders
from sim.ioc_reactor import ReactorOrders


class Controller:
    """Drives simulated reactors and microscopes for whoever gives orders; all of it in one thread.

    ``reactors`` and ``microscopes`` take the orders for each, by name. An order that cannot be followed
    raises :class:`LabError`, and ``refusal`` says why. ``watchdog_s`` is how long, in real seconds, a reactor
    may stand away from its safe state with no sign of life from outside. ``changed`` is called, from any
    thread, when something may be different.
    """

    def __init__(
        self,
        bench: SimulatedBench,
        reactors: Sequence[Reactor],
        microscopes: Sequence[Microscope],
        *,
        watchdog_s: float,
        real_time: bool,
        changed: Callable[[], None],
    ) -> None:
        self.bench, self.watchdog_s = bench, watchdog_s
        self._real_time, self._changed = real_time, changed
        self.refusal = ""
        self.emergency = False
        self.tripped = False
        self._alive_s = time.monotonic()
        self._outstanding: list[Status] = []
        self.microscopes = {one.name: MicroscopeOrders(one, self) for one in microscopes}
        self.reactors = {one.name: ReactorOrders(one, self) for one in reactors}
        for orders in self.reactors.values():
            orders.reactor.on_state = lambda _: changed()
            orders.go_on()

    # Orders to all of it

    def press_emergency_stop(self, pressed: bool) -> None:
        """Make the plant safe, and keep it so until the button is released."""
        self.emergency = pressed
        for orders in self.reactors.values():
            orders.reactor.inhibited = "the emergency stop is pressed" if pressed else ""
        if pressed:
            self._make_safe("the emergency stop was pressed")

    def let_time_pass(self) -> None:
        """Somebody waits: where time jumps, it passes until what was ordered is done."""
        self.alive()
        if not self._real_time:
            self.bench.clock.waiting(self._pending())

    def beat(self) -> None:
        """A sign of life."""
        self.alive()
        self.tripped = False

    # The watchdog

    def look(self) -> None:
        """Make the plant safe if nobody has given a sign of life in time; to be called often."""
        if self.armed and time.monotonic() - self._alive_s > self.watchdog_s:
            self.tripped = True
            self._make_safe(f"no heartbeat from the client for {self.watchdog_s:g} s")

    @property
    def armed(self) -> bool:
        """Whether a reactor is away from its safe state, so that somebody has to watch it."""
        return any(orders.armed for orders in self.reactors.values())

    # For those who take the orders for one device

    def check_released(self) -> None:
        """Raise :class:`LabError` while the emergency stop is pressed."""
        if self.emergency:
            raise LabError("The emergency stop is pressed; release it first.")

    def alive(self) -> None:
        """Somebody is there: an order is as good as a heartbeat."""
        self._alive_s = time.monotonic()

    def wait_for(self, status: Status) -> None:
        """Have time pass until ``status`` is done, when somebody waits or by itself in real time."""
        self._outstanding.append(status)
        status.add_callback(lambda _: self._changed())
        if self._real_time:
            self.bench.clock.waiting(self._pending())

    def _make_safe(self, reason: str) -> None:
        for reactor in self.reactors.values():
            reactor.make_safe(reason)
        for microscope in self.microscopes.values():
            microscope.stop()
        self.bench.note_stop(reason)

    def _pending(self) -> tuple[Status, ...]:
        self._outstanding = [status for status in self._outstanding if not status.done]
        return tuple(self._outstanding)
