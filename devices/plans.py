"""What the lab does, as bluesky plans: one batch in the reactor, one montage under the microscope."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import Msg

from devices.microscope import Microscope, Montage
from devices.reactor import Reactor, ReactorState
from devices.records import Conditions, RunRecord
from devices.station import Station

Plan = Generator[Msg, Any, Any]


def synthesise(reactor: Reactor, key: str, conditions: Conditions, **metadata: Any) -> Plan:
    """Run the batch ``key``; returns the reactor's :class:`RunRecord`.

    Going to the set-points may be repeated after a pause. Dosing may not: from the start of the batch on
    nothing is rewound, and a hard pause ends it safely. Whatever happens, the reactor is left in its safe
    state. A key that the reactor knows already is only waited for.
    """

    def batch() -> Plan:
        yield from bps.checkpoint()
        if reactor.record(key) is None:
            reactor.check_interlocks(starting=False)
            reactor.enter(ReactorState.RAMPING)
            for name, value in conditions.items():
                yield from bps.abs_set(getattr(reactor.set_points, name), value, group="ramp")
            yield from bps.wait(group="ramp")
        yield from bps.clear_checkpoint()
        yield from bps.abs_set(reactor, key, wait=True)
        yield from bps.create(name="primary")
        yield from bps.read(reactor)
        yield from bps.read(reactor.set_points)
        yield from bps.save()

    def leave_safe() -> Plan:
        yield from bps.stop(reactor)

    # Before anything that would have to be cleaned up: another batch must not be disturbed.
    reactor.check_free(key)
    about = {"plan_name": "synthesise", "key": key, "conditions": dict(conditions), **metadata}
    yield from bpp.finalize_wrapper(bpp.run_wrapper(batch(), md=about), leave_safe)
    record: RunRecord | None = reactor.record(key)
    return record


def process(station: Station, key: str, **metadata: Any) -> Plan:
    """Have a station do its step for ``key``; what it gives is recorded with the run."""

    def step() -> Plan:
        yield from bps.clear_checkpoint()
        yield from bps.abs_set(station, key, wait=True)
        yield from bps.create(name="primary")
        yield from bps.read(station)
        yield from bps.save()

    def leave() -> Plan:
        yield from bps.stop(station)

    about = {"plan_name": station.name, "key": key, **metadata}
    yield from bpp.finalize_wrapper(bpp.run_wrapper(step(), md=about), leave)


def image(sem: Microscope, montage: Montage, **metadata: Any) -> Plan:
    """Take a montage, one event for each field; returns the paths of the images in order of field."""

    paths: list[Path] = []

    def take() -> Plan:
        yield from bps.checkpoint()
        yield from bps.prepare(sem, montage, group="prepare", wait=True)
        yield from bps.mv(sem.magnification, montage.magnification)
        for index in montage.indices:
            yield from bps.checkpoint()
            yield from bps.mv(sem.field, index)
            yield from bps.trigger_and_read([sem, sem.magnification])
            paths.append(Path(sem.image_path.get()))

    def leave_idle() -> Plan:
        yield from bps.stop(sem)

    about = {
        "plan_name": "image",
        "key": montage.key,
        "magnification": montage.magnification,
        "first_field": montage.first_field,
        "fields": montage.fields,
        **metadata,
    }
    yield from bpp.finalize_wrapper(bpp.run_wrapper(take(), md=about), leave_idle)
    return paths
