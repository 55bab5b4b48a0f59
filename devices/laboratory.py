"""A lab as the loop sees it: check, synthesise, acquire, stop."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from devices.attendant import Attendant
from devices.backend import Backend
from devices.clock import Clock
from devices.engine import Engine
from devices.errors import LabDown, LabError, LabStopped, NeedsPerson
from devices.interlocks import InterlockTripped
from devices.knowing import idle, left_standing, who_knows
from devices.limits import Limit, LimitSource, check_units, complete
from devices.microscope import Microscope, Montage
from devices.plans import image, process, synthesise
from devices.reactor import Reactor, ReactorState
from devices.records import Conditions, RunRecord, check_key
from devices.station import Station
from devices.tiled import TiledMirror, TiledServer

Progress = Callable[[str], None]
"""Told what the lab is doing, a short sentence at a time, in the thread that called; may stop the lab."""


class Laboratory:
    """Reactors and microscopes, each driven by bluesky plans one at a time; close it when done (``with``).

    ``stations`` handle each sample in their order before it is imaged. ``source`` has what all reactors
    allow. Documents go to ``state_dir/runs`` and from there to the server ``tiled``.
    """

    def __init__(
        self,
        *,
        name: str,
        backend: Backend,
        source: LimitSource,
        reactors: Sequence[Reactor],
        microscopes: Sequence[Microscope],
        state_dir: Path,
        stations: Sequence[Station] = (),
        tiled: TiledServer | None = None,
        private: bool = False,
    ) -> None:
        self.name = name
        self.reactors = {reactor.name: reactor for reactor in reactors}
        self.microscopes = {microscope.name: microscope for microscope in microscopes}
        # Where only one can be meant: the first.
        self.reactor, self.microscope, self.stations = reactors[0], microscopes[0], tuple(stations)
        self.simulated: bool = self.reactor.simulated
        self.private = private
        """Whether nobody but this process can drive it: a lab that is simulated here."""
        self.clock: Clock = backend.clock
        self._source = source
        self._backend = backend
        runs = state_dir / "runs"
        self._mirror = None if tiled is None else TiledMirror(tiled, runs)
        self._engines = {
            device: Engine(runs, backend.clock, self._mirror)
            for device in (*self.reactors, *self.microscopes)
        }
        self._interrupted = ""
        self.attendant: Attendant | None = None
        """Who looks for stop orders while the lab is open."""

    def step_aside(self, aside: Callable[[], AbstractContextManager[None]]) -> None:
        """Have threads that wait for a plan enter ``aside``, from the plan's first wait to its end."""
        for engine in self._engines.values():
            engine.aside = aside

    @property
    def busy(self) -> bool:
        """Whether a plan runs."""
        return any(engine.busy for engine in self._engines.values())

    @property
    def limits(self) -> Mapping[str, Limit]:
        """The reactor's limits as they are now, by set-point; of several, what all of them allow."""
        return self._source.read()

    def check(self, conditions: Conditions, units: Mapping[str, str] | None = None) -> None:
        """Raise :class:`LabError` unless every set-point is known, given and within limits that can be read.

        ``units`` (by set-point), where given, have to be the lab's: nothing is converted.
        """
        limits = self.limits
        check_units(units or {}, limits)
        complete(conditions, limits)

    def reactor_record(self, key: str) -> RunRecord | None:
        """What the reactors themselves know of a dispatch key; None: none was ever started with it.

        Errors: :class:`LabError` where one cannot tell and no other knows the key.
        """
        check_key(key)
        return who_knows(self.reactors, key)[1]

    def reactor_of(self, key: str) -> str | None:
        """The reactor that knows a dispatch key. Errors: as :meth:`reactor_record`."""
        owner, _ = who_knows(self.reactors, key)
        return None if owner is None else str(owner.name)

    def left_standing(self, key: str) -> bool:
        """Whether the reactor of the batch ``key``, which is done, was never brought to its safe state.

        Errors: as :meth:`reactor_record`.
        """
        owner, known = who_knows(self.reactors, key)
        if owner is None or known is None or self._engines[owner.name].busy:
            return False
        return left_standing(owner, known)

    def rest(self, key: str) -> None:
        """Bring the reactor to its safe state if it is :meth:`left_standing` after the batch ``key``."""
        owner, _ = who_knows(self.reactors, key)
        if owner is not None and self.left_standing(key):
            owner.make_safe(f"the batch {key} is done, and whoever ran it was not there at its end")

    def idle_reactors(self) -> tuple[str, ...]:
        """The reactors in which nothing runs. Errors: :class:`LabError` where none of them can be asked."""
        return idle(self.reactors)

    def synthesise(
        self,
        key: str,
        conditions: Conditions,
        progress: Progress | None = None,
        reactor: str | None = None,
    ) -> RunRecord:
        """Run the batch ``key`` to its end; a key that a reactor knows is waited for, never started again.

        It goes to ``reactor`` (the first one), unless another one knows the key. ``progress`` is told each
        state of the reactor. Errors: :class:`LabError` when the limits forbid it, the reactor is busy with
        another key, or this key was used with other conditions or ended in a fault;
        :class:`~devices.errors.LabStopped` when it was stopped meanwhile,
        :class:`~devices.interlocks.InterlockTripped` when by an interlock.
        """
        check_key(key)
        owner, known = who_knows(self.reactors, key)
        chosen = owner or (self.reactor if reactor is None else self.reactors[reactor])
        engine = self._engines[chosen.name]
        chosen.inhibited = ""
        self._check_orders()
        if known is None:
            settings = complete(conditions, chosen.source.read())
        else:
            settings = dict(known.conditions)
            for name, value in conditions.items():
                if settings.get(name) != (value if isinstance(value, str) else float(value)):
                    raise LabError(
                        f"The reactor was started under the key {key} with {name} = {settings.get(name)} "
                        f"and not {value}; mint a key of its own for other conditions."
                    )
            if known.state == "done":
                self.rest(key)
                return known
            if known.state == "fault":
                raise LabError(
                    f"The batch {key} ended in a fault ({known.reason}); mint a new key to try again."
                )
        trips = 0 if chosen.supervisor is None else len(chosen.supervisor.trips)
        if progress is not None:

            def tell(state: ReactorState) -> None:
                text = f"reactor {state.value} ({key}, {self.clock.iso()})"
                engine.post(lambda: progress(text))

            chosen.on_state = tell
        try:
            about = {"lab": self.name, "simulated": self.simulated, **self._time()}
            plan = synthesise(chosen, key, settings, **about)
            record: RunRecord | None = engine.run(
                plan, on_interrupt=lambda reason: self._make_safe(reason, chosen)
            )
        except (LabDown, NeedsPerson):
            raise
        except LabError as error:
            if chosen.supervisor is not None and len(chosen.supervisor.trips) > trips:
                reason = chosen.supervisor.trips[trips].reason
                raise InterlockTripped(f"The batch {key} was stopped: {reason}.") from error
            raise
        finally:
            if progress is not None:
                chosen.on_state = None
        if record is None or record.state != "done":
            raise LabError(
                f"The batch {key} ended without a sample ({record.reason if record else 'never started'})."
            )
        return record

    def acquire(
        self,
        key: str,
        magnification: float,
        fields: int,
        first_field: int,
        folder: Path,
        microscope: str | None = None,
    ) -> list[Path]:
        """Image ``fields`` fields of the sample of ``key``, from index ``first_field`` on, into ``folder``.

        ``microscope`` names one (default: the first). Stations that have not handled the sample do so
        first. Returns the paths, ``<key>_<magnification>x_<field:03d>.tif``. Errors: :class:`LabError` when
        there is no such sample, or the magnification is outside the limits.
        """
        check_key(key)
        if fields < 1 or first_field < 0:
            raise LabError(
                f"Cannot image {fields} fields from index {first_field} on; expected at least 1 from 0 on."
            )
        sem = self.microscope if microscope is None else self.microscopes[microscope]
        engine = self._engines[sem.name]
        sem.magnification.check_value(magnification)
        self._check_orders()
        for station in self.stations:
            if not station.done(key):
                about = {"lab": self.name, "simulated": self.simulated, **self._time()}
                engine.run(process(station, key, **about), on_interrupt=self._make_safe)
        montage = Montage(key, float(magnification), fields, first_field, folder)
        plan = image(sem, montage, lab=self.name, simulated=self.simulated, **self._time())
        paths: list[Path] = engine.run(plan, on_interrupt=self._make_safe)
        return paths

    def stop(self, reason: str = "stopped by a person") -> None:
        """Bring all reactors to their safe state, then end the plans; for any thread, at any time."""
        self._make_safe(reason, *self.reactors.values())
        self._end_plans(reason)

    def interrupt(self, reason: str) -> None:
        """Bring the reactors to their safe state that a plan of ours drives, then end our plans.

        What others drive goes on; here nothing is started any more. For any thread, at any time, and again.
        """
        self._interrupted = reason
        self._make_safe(reason, *(one for name, one in self.reactors.items() if self._engines[name].busy))
        self._end_plans(reason)

    def close(self) -> None:
        """Stop the plans that run, if any, and let go of the devices."""
        if self.attendant is not None:
            self.attendant.close()
        if self.busy:
            self.interrupt("the lab was closed")
        for engine in self._engines.values():
            engine.close()
        self._backend.close()
        if self._mirror is not None:
            self._mirror.close()

    def __enter__(self) -> "Laboratory":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _make_safe(self, reason: str, *reactors: Reactor) -> None:
        # Asked now: a plan may end by itself as soon as its devices are stopped.
        busy = self.busy
        # The reactors first: they must not wait for software to come to an end.
        for reactor in reactors:
            reactor.inhibited = reason
            reactor.make_safe(reason)
        if self.attendant is not None:
            self.attendant.note_stop(reason)
        if busy:
            self._backend.note_stop(reason)

    def _end_plans(self, reason: str) -> None:
        late: LabError | None = None
        for engine in self._engines.values():
            try:
                engine.stop(reason)
            except LabError as error:
                late = late or error
        if late is not None:
            raise late

    def _check_orders(self) -> None:
        if self._interrupted:
            raise LabStopped(f"Nothing was started, because the lab was stopped: {self._interrupted}.")
        if self.attendant is not None:
            self.attendant.check()

    def _time(self) -> dict[str, str]:
        return {"lab_time": self.clock.iso()}
