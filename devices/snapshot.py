"""What a lab looks like at a moment, on disk for those who only look."""

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from devices.clock import iso
from devices.errors import LabError
from devices.limits import Limit
from devices.stopping import StopOrder

if TYPE_CHECKING:
    from devices.laboratory import Laboratory

NAME = "lab.json"


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Reading(_Record):
    """One quantity: what it reads, where it is sent, and what it may be."""

    name: str
    unit: str = ""
    value: float | str | None = None
    setpoint: float | str | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


class Holder(_Record):
    """The process that drives a lab: on which machine, since when (seconds since 1970, as it was started)."""

    pid: int
    host: str
    started: float

    @classmethod
    def this(cls) -> "Holder":
        """This process."""
        import psutil

        return cls(pid=os.getpid(), host=socket.gethostname(), started=psutil.Process().create_time())

    def alive(self) -> bool:
        """Whether it still runs; of another machine's process nobody here can tell, so it may."""
        import psutil

        if self.host != socket.gethostname():
            return True
        try:
            process = psutil.Process(self.pid)
            return bool(
                abs(process.create_time() - self.started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False


class Busy(_Record):
    """One of several reactors or microscopes: its state, the key that it runs or images, and its readings."""

    name: str
    kind: Literal["reactor", "microscope"]
    state: str
    key: str = ""
    values: tuple[Reading, ...] = ()


class Snapshot(_Record):
    """A lab at the moment ``at`` (ISO 8601, UTC) and ``lab_time``; ``open``: somebody drives it.

    ``running`` is the key of the batch that runs, ``run_id`` the latest one. ``note`` is what the microscope
    waits for. ``alarms`` are sentences. ``last_stop`` is the latest stop and its reason. Of several reactors
    or microscopes these are of the first, and ``devices`` has each of them; it is empty where there is one.
    """

    lab: str
    file: str
    simulated: bool
    seed: int
    holder: Holder | None
    open: bool
    at: str
    lab_time: str
    state: str
    run_id: str
    running: str | None
    starts: int
    microscope: str
    sample: str
    note: str = ""
    values: tuple[Reading, ...] = ()
    alarms: tuple[str, ...] = ()
    last_stop: StopOrder | None = None
    devices: tuple[Busy, ...] = ()

    @property
    def held(self) -> bool:
        """Whether a process that lives drives the lab."""
        return self.open and self.holder is not None and self.holder.alive()


def take(lab: "Laboratory", **known: Any) -> Snapshot:
    """What ``lab`` looks like now, with what is ``known`` besides; what cannot be read is an alarm."""
    reactor, microscope = lab.reactor, lab.microscope
    alarms: list[str] = list(known.pop("alarms", ()))
    several = len(lab.reactors) + len(lab.microscopes) > 2
    readings = {
        name: (*_quantities(one, name if several else "", alarms),) for name, one in lab.reactors.items()
    }
    readings |= {name: (_magnification(one, alarms),) for name, one in lab.microscopes.items()}
    each: list[Any] = [*lab.reactors.values(), *lab.microscopes.values()]
    for device in each:
        with contextlib.suppress(AttributeError):
            alarms += device.alarms()
    running, lab_time = None, ""
    try:
        running = reactor.logic.running()
        lab_time = lab.clock.iso()
    except LabError as error:
        alarms.append(str(error))
    devices = tuple(_each(lab, readings, alarms)) if several else ()
    return Snapshot(
        lab=lab.name,
        simulated=lab.simulated,
        at=iso(datetime.now(UTC)),
        lab_time=lab_time,
        state=str(_get(reactor.state) or "unknown"),
        run_id=str(_get(reactor.run_id) or ""),
        running=running,
        starts=int(_get(reactor.starts) or 0),
        microscope=str(_get(microscope.state) or "unknown"),
        sample=str(_get(microscope.sample) or ""),
        note=str(_get(getattr(microscope, "note", None)) or ""),
        values=(*readings[reactor.name], *readings[microscope.name]),
        alarms=tuple(dict.fromkeys(alarms)),
        devices=devices,
        **known,
    )


def _quantities(reactor: Any, device: str, alarms: list[str]) -> Iterator[Reading]:
    """What each quantity of a reactor reads; ``device`` names it in alarms."""
    told: list[str] = []
    try:
        limits = {**reactor.source.read()}
    except LabError as error:
        limits = {}
        told.append(str(error))
    unread = getattr(reactor, "unread", ())
    for name in reactor.set_points.component_names:
        quantity = getattr(reactor.set_points, name)
        yield _reading(name, quantity, limits.get(name), told, unread=name in unread)
    alarms += [f"{device}: {one}" if device else one for one in told]


def _magnification(microscope: Any, alarms: list[str]) -> Reading:
    try:
        limit = microscope.magnification.limit()
    except LabError as error:
        limit = None
        alarms.append(str(error))
    return _reading("magnification", microscope.magnification, limit, alarms, unread=False)


def _each(
    lab: "Laboratory", readings: Mapping[str, tuple[Reading, ...]], alarms: list[str]
) -> Iterator[Busy]:
    for name, reactor in lab.reactors.items():
        running = None
        try:
            running = reactor.logic.running()
        except LabError as error:
            alarms.append(str(error))
        state = str(_get(reactor.state) or "unknown")
        yield Busy(name=name, kind="reactor", state=state, key=running or "", values=readings[name])
    for name, microscope in lab.microscopes.items():
        state, sample = str(_get(microscope.state) or "unknown"), str(_get(microscope.sample) or "")
        yield Busy(name=name, kind="microscope", state=state, key=sample, values=readings[name])


def write(snapshot: Snapshot, folder: Path) -> None:
    """Keep ``snapshot`` in ``folder``, whole or not at all. Errors: OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".lab-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(snapshot.model_dump_json() + "\n")
    os.chmod(temporary, 0o644)
    os.replace(temporary, folder / NAME)


def read(folder: Path) -> Snapshot | None:
    """The snapshot in ``folder``; None where there is none that can be read."""
    try:
        return Snapshot.model_validate_json((folder / NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def _reading(name: str, quantity: Any, limit: Limit | None, alarms: list[str], *, unread: bool) -> Reading:
    value, setpoint = None if unread else _get(quantity.readback), _get(quantity.setpoint)
    if value is None and not unread:
        alarms.append(f"{name} cannot be read")
    # ophyd gives a control system's severity as a number; 0 is none.
    severity = getattr(quantity.readback, "alarm_severity", None)
    if severity:
        alarms.append(f"{name} is in alarm ({getattr(severity, 'name', severity)})")
    if limit is None:
        return Reading(name=name, value=value, setpoint=setpoint)
    fault = None if value is None else limit.fault(value)
    if fault:
        alarms.append(fault)
    bounds = {} if limit.choices else {"low": limit.low, "high": limit.high}
    return Reading(
        name=name, unit=limit.unit, value=value, setpoint=setpoint, choices=limit.choices, **bounds
    )


def _get(signal: Any) -> Any:
    """The value of a signal that is connected; None where it cannot be had, without waiting for it."""
    if signal is None or not signal.connected:
        return None
    try:
        value = signal.get()
    except Exception:  # whatever a control layer raises, there is no reading
        return None
    return value.item() if hasattr(value, "item") else value
