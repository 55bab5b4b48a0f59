"""A reactor whose batches are run by a controller behind EPICS."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ophyd import Signal
from ophyd.status import Status

from devices.epics.backend import EpicsBackend
from devices.epics.setpoint import set_points
from devices.errors import LabError, LabStopped
from devices.limits import LimitSource
from devices.reactor import Reactor, ReactorState
from devices.records import Conditions, RunRecord

_log = logging.getLogger(__name__)

QUERIES = 5
"""How often to ask for a record when somebody else asks for another at the same time."""


class EpicsReactor(Reactor):
    """A reactor behind the PVs that begin with the controller's prefix and ``base``.

    ``settings`` are the options of the set-points, ``sensors`` the PVs of what is measured beside them.
    """

    def __init__(
        self,
        *,
        name: str,
        source: LimitSource,
        backend: EpicsBackend,
        settings: Mapping[str, Mapping[str, Any]],
        base: str = "Reactor:",
        sensors: Sequence[str] = (),
    ) -> None:
        super().__init__(
            name=name, source=source, clock=backend.clock, make_logic=set_points(backend, base, settings)
        )
        self.simulated = backend.simulated
        self.logic = EpicsBatch(self, backend, base)
        channels = {quantity: backend.channel(f"{base}{quantity}") for quantity in sensors}
        backend.connect()
        for quantity, channel in channels.items():
            signal = Signal(name=f"{name}_{quantity}", value=channel.number())
            channel.watch(partial(_show, signal))
            self.sensors[quantity] = signal


def _show(signal: Signal, value: float | str | None) -> None:
    # Silence is not for interlocks to judge: it ends the batch when the back end's patience is over.
    if value is not None:
        signal.put(value)


class EpicsBatch:
    """Hands batches to the controller, and asks it what became of them."""

    def __init__(self, reactor: Reactor, backend: EpicsBackend, base: str) -> None:
        self._reactor, self._backend, self._base = reactor, backend, base
        backend.watch.reactor(base)
        self._key = backend.channel(f"{base}RunId", "text")
        self._start, self._abort = backend.channel(f"{base}Start"), backend.channel(f"{base}Abort", "text")
        self._state = backend.channel(f"{base}State", "choice")
        self._running = backend.channel(f"{base}Running", "text")
        self._starts = backend.channel(f"{base}Starts")
        self._expected = backend.channel(f"{base}Expected")
        self._query = backend.channel(f"{base}Query", "text")
        self._answer = backend.channel(f"{base}Record", "text")
        backend.connect()
        self._seen = self._state.text()
        reactor.state.put(self._seen)
        reactor.run_id.put(self._running.text())
        reactor.starts.put(int(self._starts.number()))
        backend.watch.follow(self._look)
        self._state.watch(lambda _: backend.watch.poke())

    def record(self, key: str) -> RunRecord | None:
        """What the controller's journal knows of ``key``."""
        for _ in range(QUERIES):
            self._query.put(key)
            text = self._answer.text()
            try:
                answer = json.loads(text)
                if answer["key"] == key:
                    found = answer["record"]
                    return None if found is None else RunRecord(**found)
            except (ValueError, KeyError, TypeError) as error:
                raise LabError(
                    f"The controller's answer about the batch {key} makes no sense ({error}), so nobody can "
                    "tell whether it ran; look at the PV "
                    f"{self._answer.pv}."
                ) from error
        raise LabError(f"The controller did not answer about the batch {key}: others keep asking as well.")

    def running(self) -> str | None:
        """The key of the batch that runs."""
        return self._running.text() or None

    def expected_s(self, conditions: Conditions) -> float:
        """What the controller expects of the batch that runs, or of its set-points as they stand."""
        return self._expected.number()

    def start(self, key: str, conditions: Conditions, status: Status) -> None:
        """Start the batch, or wait for it if it runs already."""
        self._backend.watch.begin(self._base)
        self._key.put(key)
        self._start.put(1)
        known = self.record(key)
        if known is None or known.state == "fault":
            raise self._backend.refused(f"start the batch {key}")
        if dict(known.conditions) != dict(conditions):
            self.make_safe("the controller started with other set-points than it was given")
            raise LabError(
                f"The controller started the batch {key} with {dict(known.conditions)} and not "
                f"{dict(conditions)}; it was stopped, so see who else moves its set-points."
            )
        self._reactor.starts.put(int(self._starts.number()))
        self._backend.watch.until(lambda: self._done(key), status)

    def make_safe(self, reason: str) -> None:
        """Have the controller stop, and tell it no longer that we are there."""
        if not self._abort.send(reason):
            _log.warning("The controller cannot be reached to stop it; its watchdog has to make it safe.")
        self._backend.watch.end(self._base)

    def _done(self, key: str) -> bool:
        known = self.record(key)
        self._look()()
        if known is None:
            raise LabError(f"The controller has forgotten the batch {key}; look after the reactor yourself.")
        if known.state == "fault":
            raise LabStopped(f"The batch {key} was stopped: {known.reason}.")
        return known.state == "done"

    def _look(self) -> Callable[[], None]:
        return partial(self._show, self._state.text())

    def _show(self, state: str) -> None:
        if state != self._seen:
            self._seen = state
            self._reactor.enter(ReactorState(state))
