"""The lab file: which device classes make up a lab, and what their set-points may be."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from devices.attendant import Attendant
from devices.backend import Backend, DirectBackend
from devices.errors import LabError
from devices.laboratory import Laboratory
from devices.limits import Limit
from devices.microscope import Microscope
from devices.reactor import Reactor
from devices.sections import SEVERAL, BackendSection, LabFile
from devices.station import Station
from devices.stopping import STOP, stop_file


def read_lab_file(path: Path) -> LabFile:
    """Read and check a lab file.

    Errors: :class:`LabError` naming every fault with its place in the file, or why it cannot be read.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"The lab file {path} cannot be read ({error.strerror or error}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LabError(f"The lab file {path} is not YAML ({' '.join(str(error).split())}).") from error
    if not isinstance(content, Mapping):
        raise LabError(
            f"The lab file {path} is empty or not a mapping; expected name, simulated, reactor, microscope."
        )
    try:
        return LabFile.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{_place(fault['loc'])}: {fault['msg']}"
            + ("" if isinstance(fault["input"], Mapping) else f" (got {fault['input']!r})")
            for fault in error.errors()
        )
        raise LabError(f"The lab file {path} is not usable: {faults}.") from error


def _place(location: tuple[int | str, ...]) -> str:
    """Where a fault is, in the words of the file: one device is written without a name of its own."""
    one = {several: one for one, several in SEVERAL.items()}.get(str(location[0]) if location else "")
    if one is not None and (len(location) == 1 or location[1] == one):
        location = (one, *location[2:])
    return ".".join(map(str, location)) or "the file"


class LabFileLimits:
    """Limits as the lab file states them now: a limit that is tightened holds from the next set-point on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._file: LabFile | None = None

    def read(self) -> Mapping[str, Limit]:
        """All limits of the lab; raises :class:`LabError` when the file cannot be read any more."""
        return self.file().limits()

    def file(self) -> LabFile:
        """The lab file as it is now; raises :class:`LabError` as :meth:`read`."""
        try:
            stat = self._path.stat()
        except OSError as error:
            raise LabError(
                f"Nothing was moved, because the limits in {self._path} cannot be read "
                f"({error.strerror or error}); put the lab file back."
            ) from error
        stamp = (stat.st_mtime_ns, stat.st_size)
        if self._file is None or stamp != self._stamp:
            self._file = read_lab_file(self._path)
            self._stamp = stamp
        return self._file


class ReactorLimits:
    """The limits of the reactor's set-points alone; of several reactors, what all of them allow."""

    def __init__(self, source: LabFileLimits) -> None:
        self._source = source

    def read(self) -> Mapping[str, Limit]:
        """The limits, without the microscope's."""
        return {name: limit for name, limit in self._source.read().items() if name != "magnification"}


class DeviceLimits:
    """The limits of one device of the lab."""

    def __init__(self, source: LabFileLimits, device: str) -> None:
        self._source, self._device = source, device

    def read(self) -> Mapping[str, Limit]:
        """The limits; raises :class:`LabError` also when the file names the device no more."""
        file = self._source.file()
        if self._device not in (*file.reactors, *file.microscopes):
            raise LabError(f"The lab file names {self._device} no more, so nothing in it was moved.")
        return file.limits_of(self._device)


def load_class(name: str, path: Path) -> Any:
    """The class that an import string such as ``package.module:Class`` in the lab file ``path`` names."""
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise LabError(
            f"The lab file {path} names {name}, which cannot be imported ({error}); "
            f"install {error.name or module} or mend the name."
        ) from error
    except AttributeError as error:
        raise LabError(
            f"The lab file {path} names {name}, but {module} has no {attribute}; mend the name."
        ) from error


def load_lab(
    path: Path,
    *,
    state_dir: Path,
    seed: int,
    faults: Path | None = None,
    real_time_factor: float | None = None,
    stop_dir: Path | None = None,
    attended: bool = True,
) -> Laboratory:
    """Open the lab that a lab file describes.

    ``state_dir`` is where the lab's records go; ``seed`` is what a simulated lab draws from, ``faults`` a
    scenario of what goes wrong in it, ``real_time_factor`` its seconds in a real one (None: time jumps). A
    stop order stops it in ``state_dir`` and, by the lab's name, in ``stop_dir``; who only looks opens it with
    ``attended=False``. Errors: :class:`LabError`, also when a device is not of the kind (or not simulated, or
    real) as the file says.
    """
    file = read_lab_file(path)
    simulation: dict[str, Any] = {}
    if faults is not None:
        check_faults(path, faults)
        simulation["faults"] = faults
    if real_time_factor is not None:
        simulator(path)
        simulation["real_time_factor"] = real_time_factor
    limits = LabFileLimits(path)
    limits.read()
    tiled = file.documents.tiled.server() if file.documents is not None and attended else None
    backend: Backend = DirectBackend(state_dir=state_dir)
    if file.backend is not None:
        options = {**file.backend.options, **simulation}
        section = file.backend.model_copy(update={"options": options})
        backend = make_device(section, path, state_dir=state_dir, seed=seed)
    try:
        reactors, microscopes = make_reactors_and_microscopes(file, path, limits, backend)
        stations: list[Any] = [
            make_device(section, path, name=name, backend=backend) for name, section in file.stations.items()
        ]
        kinds: list[tuple[Any, Any]] = [
            *((reactor, Reactor) for reactor in reactors),
            *((microscope, Microscope) for microscope in microscopes),
            *((station, Station) for station in stations),
        ]
        for device, base in kinds:
            if not isinstance(device, base):
                raise LabError(
                    f"The lab file {path} names a {type(device).__name__} where a {base.__name__} belongs."
                )
            if device.simulated != file.simulated:
                truth = "simulated" if device.simulated else "real"
                raise LabError(
                    f"The lab file {path} says simulated: {str(file.simulated).lower()}, "
                    f"but its {device.name} is {truth}; say which it is."
                )
        for reactor in reactors:
            reactor.guard(file.interlocks(reactor.name))
        laboratory = Laboratory(
            name=file.name,
            backend=backend,
            source=ReactorLimits(limits),
            reactors=reactors,
            microscopes=microscopes,
            state_dir=state_dir,
            stations=stations,
            tiled=tiled,
            private=file.simulated and hasattr(backend, "check_faults"),
        )
        if attended:
            orders = (state_dir / STOP, *((stop_file(stop_dir, file.name),) if stop_dir else ()))
            laboratory.attendant = Attendant(
                laboratory, state_dir=state_dir, orders=orders, file=path.resolve(), seed=seed
            )
        return laboratory
    except BaseException:  # an interrupt, too, leaves nothing open; it goes on
        backend.close()
        raise


def check_faults(path: Path, faults: Path) -> None:
    """Check a scenario of what goes wrong in the simulated lab of ``path``, without opening the lab.

    Errors: :class:`LabError` with all that is wrong, or when the lab is not simulated.
    """
    simulator(path).check_faults(faults, read_lab_file(path).reactor.set_points)


def simulator(path: Path) -> Any:
    """The class behind a lab that is simulated in this process: one that takes faults and a pace.

    Errors: :class:`LabError` when the lab of ``path`` is real, or simulated by a controller elsewhere.
    """
    file = read_lab_file(path)
    made = None if file.backend is None else load_class(file.backend.class_, path)
    if not file.simulated or not hasattr(made, "check_faults"):
        raise LabError(
            f"The lab file {path} describes no simulated lab that runs in this process, and faults and a "
            "real-time factor are for those; of a simulated controller they are options of `lab serve-ioc`."
        )
    return made


def make_reactors_and_microscopes(
    file: LabFile, path: Path, limits: LabFileLimits, backend: Any
) -> tuple[list[Any], list[Any]]:
    """The reactors and the microscopes that the lab file at ``path`` names; nothing guards them yet."""
    reactors = [
        make_device(
            section,
            path,
            name=name,
            source=DeviceLimits(limits, name),
            backend=backend,
            settings={quantity: point.options for quantity, point in section.set_points.items()},
        )
        for name, section in file.reactors.items()
    ]
    microscopes = [
        make_device(section, path, name=name, source=DeviceLimits(limits, name), backend=backend)
        for name, section in file.microscopes.items()
    ]
    return reactors, microscopes


def make_device(section: BackendSection, path: Path, **given: Any) -> Any:
    """The device of a section of the lab file ``path``, from what is ``given`` and its options."""
    made = load_class(section.class_, path)
    if missing := sorted(getattr(made, "__abstractmethods__", ())):
        raise LabError(
            f"The lab file {path} names {section.class_}, which is no whole device: "
            f"it lacks {', '.join(missing)}."
        )
    try:
        return made(**given, **section.options)
    except TypeError as error:
        raise LabError(
            f"The lab file {path} gives {section.class_} options it cannot take: {error}."
        ) from error
