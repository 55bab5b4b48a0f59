"""Is a lab fit to be used? Each of its devices in turn, and what is wrong with it in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devices.backend import Backend, DirectBackend
from devices.errors import LabError
from devices.labfile import DeviceLimits, LabFileLimits, load_class, make_device, read_lab_file
from devices.microscope import Microscope
from devices.reactor import Reactor
from devices.sections import BackendSection, LabFile, LimitSection, ReactorSection, TiledSection
from devices.station import Station

if TYPE_CHECKING:
    from pint import UnitRegistry


@dataclass(frozen=True)
class DeviceCheck:
    """One device of the lab file: its name there, its class, and what is wrong with it."""

    name: str
    device_class: str
    faults: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def check_lab(path: Path, *, state_dir: Path, seed: int = 0) -> list[DeviceCheck]:
    """Check every device that the lab file at ``path`` names; nothing moves.

    Errors: :class:`LabError` when the lab file itself is not usable.
    """
    file = read_lab_file(path)
    limits = LabFileLimits(path)
    backend: Backend | None = DirectBackend(state_dir=state_dir)
    checks = []
    if file.backend is not None:
        backend, faults = _made(file.backend, path, state_dir=state_dir, seed=seed)
        checks.append(DeviceCheck("backend", file.backend.class_, tuple(faults)))
    devices: list[tuple[str, BackendSection, Any, dict[str, Any], Mapping[str, LimitSection]]] = [
        *(
            (name, section, Reactor, _given(limits, name, section), section.set_points)
            for name, section in file.reactors.items()
        ),
        *((name, section, Station, {}, {}) for name, section in file.stations.items()),
        *(
            (
                name,
                section,
                Microscope,
                {"source": DeviceLimits(limits, name)},
                {"magnification": section.magnification},
            )
            for name, section in file.microscopes.items()
        ),
    ]
    try:
        for name, section, base, given, quantities in devices:
            if backend is None:
                faults = _importable(section, path) or [
                    "it was not tried, because the backend cannot be made"
                ]
            else:
                device, faults = _made(section, path, name=name, backend=backend, **given)
                faults += [] if device is None else _wrong(device, base, file)
            faults += _limit_faults(quantities)
            checks.append(DeviceCheck(name, section.class_, tuple(faults)))
        if file.documents is not None:
            checks.append(_documents(file.documents.tiled))
    finally:
        if backend is not None:
            backend.close()
    return checks


def _given(limits: LabFileLimits, name: str, section: ReactorSection) -> dict[str, Any]:
    settings = {quantity: point.options for quantity, point in section.set_points.items()}
    return {"source": DeviceLimits(limits, name), "settings": settings}


def _documents(section: TiledSection) -> DeviceCheck:
    try:
        fault = section.server().fault()
    except LabError as error:
        fault = str(error)
    return DeviceCheck("documents", section.uri, (fault,) if fault else ())


def _importable(section: BackendSection, path: Path) -> list[str]:
    try:
        load_class(section.class_, path)
    except LabError as error:
        return [str(error)]
    return []


def _made(section: BackendSection, path: Path, **given: Any) -> tuple[Any, list[str]]:
    """The device, or None and why not."""
    try:
        return make_device(section, path, **given), []
    except LabError as error:
        return None, [str(error)]
    except Exception as error:  # a device's own fault is told as the others are
        return None, [f"{section.class_} cannot be made: {type(error).__name__}: {error}"]


def _wrong(device: Any, base: type, file: LabFile) -> list[str]:
    if not isinstance(device, base):
        return [f"it is a {type(device).__name__} where a {base.__name__} belongs"]
    faults = []
    if getattr(device, "simulated", file.simulated) != file.simulated:
        faults.append(f"the lab file says simulated: {str(file.simulated).lower()}, and this is not")
    try:
        return [*faults, *getattr(device, "check")()]  # noqa: B009 — each of the three bases has it
    except Exception as error:  # a device that cannot even be asked is what the check is for
        return [*faults, f"it cannot be asked: {error}"]


def _limit_faults(quantities: Mapping[str, LimitSection]) -> list[str]:
    faults = []
    for name, section in quantities.items():
        limit = section.limit(name)
        for what in ("safe", "default"):
            value = getattr(limit, what)
            fault = None if value is None else limit.fault(value)
            if fault:
                faults.append(f"{what} value: {fault}")
        if not unit_known(limit.unit):
            faults.append(
                f"{name}: the unit {limit.unit!r} is not known; write for example min, °C, rpm, M, %"
            )
    return faults


def unit_known(unit: str) -> bool:
    """Whether a unit's name means something: none, ×, or what pint knows, such as ``mL/min``."""
    from pint import PintError

    text = unit.strip().replace("wt%", "%").replace("·", "*")
    if text in ("", "–", "-", "1", "×", "x"):
        return True
    try:
        _registry().Unit(text)
    except (PintError, ValueError, AttributeError, TypeError):
        return False
    return True


@cache
def _registry() -> "UnitRegistry[float]":
    from pint import UnitRegistry

    return UnitRegistry()
