"""A lab as the loop sees it: check, synthesise, acquire, stop."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devices.attendant import Attendant
from devices.backend import Backend
from devices.clock import Clock
from devices.engine import Engine
from devices.errors import LabDown, LabError, NeedsPerson
from devices.interlocks import InterlockTripped
from devices.limits import Limit, check_units, complete
from devices.microscope import Microscope, Montage
from devices.plans import image, process, synthesise
from devices.reactor import Reactor, ReactorState
from devices.records import Conditions, RunRecord, check_key
from devices.station import Station
from devices.tiled import TiledMirror, TiledServer

Progress = Callable[[str], None]
"""Told what the lab is doing, a short sentence at a time, in the thread that called; may stop the lab."""


class Laboratory:
    """A reactor and a microscope, driven by bluesky plans one at a time; close it when done (``with``).

    ``stations`` handle each sample in their order before it is imaged. Documents go to ``state_dir/runs`` and
    from there to the server ``tiled``.
    """

    def __init__(
        self,
        *,
        name: str,
        backend: Backend,
        reactor: Reactor,
        microscope: Microscope,
        state_dir: Path,
        stations: Sequence[Station] = (),
        tiled: TiledServer | None = None,
    ) -> None:
        self.name = name
        self.simulated: bool = reactor.simulated
        self.clock: Clock = backend.clock
        self.reactor, self.microscope, self.stations = reactor, microscope, tuple(stations)
        self._backend = backend
        runs = state_dir / "runs"
        self._mirror = None if tiled is None else TiledMirror(tiled, runs)
        self._engine = Engine(runs, backend.clock, self._mirror)
        self.attendant: Attendant | None = None
        """Who looks for stop orders while the lab is open."""

    @property
    def busy(self) -> bool:
        """Whether a plan runs."""
        return self._engine.busy

    @property
    def limits(self) -> Mapping[str, Limit]:
        """The reactor's limits as they are now, by set-point."""
        return self.reactor.source.read()

    def check(self, conditions: Conditions, units: Mapping[str, str] | None = None) -> None:
        """Raise :class:`LabError` unless every set-point is known, given and within limits that can be read.

        ``units`` (by set-point), where given, have to be the lab's: nothing is converted.
        """
        limits = self.limits
        check_units(units or {}, limits)
        complete(conditions, limits)

    def reactor_record(self, key: str) -> RunRecord | None:
        """What the reactor itself knows of a dispatch key; None: it was never started with it."""
        check_key(key)
        return self.reactor.record(key)

    def synthesise(self, key: str, conditions: Conditions, progress: Progress | None = None) -> RunRecord:
        """Run the batch ``key`` to its end; a key the reactor knows is waited for, never started again.

        ``progress`` is told each state of the reactor. Errors: :class:`LabError` when the limits forbid it,
        the reactor is busy with another key, or this key was used with other conditions or ended in a
        fault; :class:`~devices.errors.LabStopped` when it was stopped meanwhile,
        :class:`~devices.interlocks.InterlockTripped` when by an interlock.
        """
        self.reactor.inhibited = ""
        self._check_orders()
        known = self.reactor_record(key)
        if known is None:
            settings = complete(conditions, self.limits)
        else:
            settings = dict(known.conditions)
            for name, value in conditions.items():
                if settings.get(name) != (value if isinstance(value, str) else float(value)):
                    raise LabError(
                        f"The reactor was started under the key {key} with {name} = {settings.get(name)} "
                        f"and not {value}; mint a key of its own for other conditions."
                    )
            if known.state == "done":
                return known
            if known.state == "fault":
                raise LabError(
                    f"The batch {key} ended in a fault ({known.reason}); mint a new key to try again."
                )
        trips = 0 if self.reactor.supervisor is None else len(self.reactor.supervisor.trips)
        if progress is not None:

            def tell(state: ReactorState) -> None:
                text = f"reactor {state.value} ({key}, {self.clock.iso()})"
                self._engine.post(lambda: progress(text))

            self.reactor.on_state = tell
        try:
            plan = synthesise(
                self.reactor, key, settings, lab=self.name, simulated=self.simulated, **self._time()
            )
            record: RunRecord | None = self._engine.run(plan, on_interrupt=self._make_safe)
        except (LabDown, NeedsPerson):
            raise
        except LabError as error:
            if self.reactor.supervisor is not None and len(self.reactor.supervisor.trips) > trips:
                reason = self.reactor.supervisor.trips[trips].reason
                raise InterlockTripped(f"The batch {key} was stopped: {reason}.") from error
            raise
        finally:
            self.reactor.on_state = None
        if record is None or record.state != "done":
            raise LabError(
                f"The batch {key} ended without a sample ({record.reason if record else 'never started'})."
            )
        return record

    def acquire(
        self, key: str, magnification: float, fields: int, first_field: int, folder: Path
    ) -> list[Path]:
        """Image ``fields`` fields of the sample of ``key``, from index ``first_field`` on, into ``folder``.

        Stations that have not handled the sample do so first. Returns the paths,
        ``<key>_<magnification>x_<field:03d>.tif``. Errors: :class:`LabError` when there is no such sample, or
        the magnification is outside the limits.
        """
        check_key(key)
        if fields < 1 or first_field < 0:
            raise LabError(
                f"Cannot image {fields} fields from index {first_field} on; expected at least 1 from 0 on."
            )
        self.microscope.magnification.check_value(magnification)
        self._check_orders()
        for station in self.stations:
            if not station.done(key):
                about = {"lab": self.name, "simulated": self.simulated, **self._time()}
                self._engine.run(process(station, key, **about), on_interrupt=self._make_safe)
        montage = Montage(key, float(magnification), fields, first_field, folder)
        plan = image(self.microscope, montage, lab=self.name, simulated=self.simulated, **self._time())
        paths: list[Path] = self._engine.run(plan, on_interrupt=self._make_safe)
        return paths

    def stop(self, reason: str = "stopped by a person") -> None:
        """Bring the reactor to its safe state, then end the plan; for any thread, at any time."""
        self._make_safe(reason)
        self._engine.stop(reason)

    def close(self) -> None:
        """Stop the plan that runs, if any, and let go of the devices."""
        if self.attendant is not None:
            self.attendant.close()
        if self._engine.busy:
            self.stop("the lab was closed")
        self._engine.close()
        self._backend.close()
        if self._mirror is not None:
            self._mirror.close()

    def __enter__(self) -> "Laboratory":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _make_safe(self, reason: str) -> None:
        # Asked now: the plan may end by itself as soon as its devices are stopped.
        busy = self._engine.busy
        # The reactor first: it must not wait for software to come to an end.
        self.reactor.inhibited = reason
        self.reactor.make_safe(reason)
        if self.attendant is not None:
            self.attendant.note_stop(reason)
        if busy:
            self._backend.note_stop(reason)

    def _check_orders(self) -> None:
        if self.attendant is not None:
            self.attendant.check()

    def _time(self) -> dict[str, str]:
        return {"lab_time": self.clock.iso()}
