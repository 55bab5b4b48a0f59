"""The lab file: which device classes make up a lab, and what their set-points may be."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from devices.attendant import Attendant
from devices.backend import Backend, DirectBackend
from devices.errors import LabError
from devices.interlocks import Interlock
from devices.laboratory import Laboratory
from devices.limits import Limit
from devices.microscope import Microscope
from devices.reactor import Reactor
from devices.station import Station
from devices.stopping import STOP, stop_file
from devices.tiled import TiledServer

ImportString = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LimitSection(_Section):
    """One quantity: its unit with a range, or its choices."""

    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = Field(default=(), strict=False)
    safe: float | str | None = None
    default: float | str | None = None
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _whole(self) -> "LimitSection":
        if bool(self.choices) == (self.low is not None and self.high is not None):
            raise ValueError("expected either low and high, or choices")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low ({self.low:g}) is not below high ({self.high:g})")
        fault = None if self.default is None else self.limit("default").fault(self.default)
        if fault:
            raise ValueError(fault)
        return self

    def limit(self, name: str) -> Limit:
        """The limit that it declares."""
        if self.choices:
            return Limit(name, self.unit, choices=self.choices, safe=self.safe, default=self.default)
        assert self.low is not None
        assert self.high is not None
        return Limit(name, self.unit, self.low, self.high, safe=self.safe, default=self.default)


class InterlockSection(_Section):
    """One interlock; see :class:`devices.interlocks.Interlock`."""

    quantity: str = Field(min_length=1)
    unit: str = ""
    above: FiniteFloat | None = None
    below: FiniteFloat | None = None
    resume: FiniteFloat
    delay_s: float = Field(default=0.0, ge=0, le=3600)
    batch_only: bool = False

    @model_validator(mode="after")
    def _whole(self) -> "InterlockSection":
        if (self.above is None) == (self.below is None):
            raise ValueError("expected either above or below")
        if self.above is not None and not self.resume < self.above:
            raise ValueError(f"resume ({self.resume:g}) is not below above ({self.above:g})")
        if self.below is not None and not self.resume > self.below:
            raise ValueError(f"resume ({self.resume:g}) is not above below ({self.below:g})")
        return self


class BackendSection(_Section):
    """What stands behind all devices: ``class`` is an import string, ``options`` its keyword arguments."""

    class_: ImportString = Field(alias="class")
    options: dict[str, Any] = {}


class ReactorSection(BackendSection):
    """The reactor."""

    set_points: dict[str, LimitSection] = Field(min_length=1)
    interlocks: dict[str, InterlockSection] = {}


class MicroscopeSection(BackendSection):
    """The microscope."""

    magnification: LimitSection


class TiledSection(_Section):
    """A Tiled server that is sent the documents too; see :class:`devices.tiled.TiledServer`."""

    uri: str = Field(pattern=r"^https?://[^\s/]+\S*$")
    api_key_env: str = Field(default="TILED_API_KEY", pattern=r"^[A-Za-z_]\w*$")

    def server(self) -> TiledServer:
        """The server. Errors: :class:`LabError`."""
        return TiledServer(**self.model_dump())


class DocumentsSection(_Section):
    """Where bluesky's documents go beside the state directory."""

    tiled: TiledSection


class LabFile(_Section):
    """A lab file as it was read."""

    name: str = Field(min_length=1)
    simulated: bool
    backend: BackendSection | None = None
    reactor: ReactorSection
    microscope: MicroscopeSection
    stations: dict[str, BackendSection] = {}
    documents: DocumentsSection | None = None

    def limits(self) -> dict[str, Limit]:
        """Every limit of the lab, by name of the quantity."""
        quantities = {**self.reactor.set_points, "magnification": self.microscope.magnification}
        return {name: section.limit(name) for name, section in quantities.items()}

    def interlocks(self) -> tuple[Interlock, ...]:
        """The interlocks of the reactor."""
        return tuple(
            Interlock(name=name, **section.model_dump()) for name, section in self.reactor.interlocks.items()
        )


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
            f"{'.'.join(str(part) for part in fault['loc']) or 'the file'}: {fault['msg']}"
            + ("" if isinstance(fault["input"], Mapping) else f" (got {fault['input']!r})")
            for fault in error.errors()
        )
        raise LabError(f"The lab file {path} is not usable: {faults}.") from error


class LabFileLimits:
    """Limits as the lab file states them now: a limit that is tightened holds from the next set-point on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._limits: Mapping[str, Limit] = {}

    def read(self) -> Mapping[str, Limit]:
        """All limits of the lab; raises :class:`LabError` when the file cannot be read any more."""
        try:
            stat = self._path.stat()
        except OSError as error:
            raise LabError(
                f"Nothing was moved, because the limits in {self._path} cannot be read "
                f"({error.strerror or error}); put the lab file back."
            ) from error
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp != self._stamp:
            self._limits = read_lab_file(self._path).limits()
            self._stamp = stamp
        return self._limits


class ReactorLimits:
    """The limits of the reactor's set-points alone."""

    def __init__(self, source: LabFileLimits) -> None:
        self._source = source

    def read(self) -> Mapping[str, Limit]:
        """The limits, without the microscope's."""
        return {name: limit for name, limit in self._source.read().items() if name != "magnification"}


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
    stop_dir: Path | None = None,
    attended: bool = True,
) -> Laboratory:
    """Open the lab that a lab file describes.

    ``state_dir`` is where the lab's records go; ``seed`` is what a simulated lab draws from, ``faults`` a
    scenario of what goes wrong in it. A stop order stops it in ``state_dir`` and, by the lab's name, in
    ``stop_dir``; who only looks opens it with ``attended=False``. Errors: :class:`LabError`, also when a
    device is not of the kind (or not simulated, or real) as the file says.
    """
    file = read_lab_file(path)
    if faults is not None:
        check_faults(path, faults)
    limits = LabFileLimits(path)
    limits.read()
    tiled = file.documents.tiled.server() if file.documents is not None and attended else None
    backend: Backend = DirectBackend(state_dir=state_dir)
    if file.backend is not None:
        scenario = {} if faults is None else {"faults": faults}
        backend = make_device(file.backend, path, state_dir=state_dir, seed=seed, **scenario)
    try:
        reactor = make_device(
            file.reactor,
            path,
            name="reactor",
            source=ReactorLimits(limits),
            backend=backend,
            settings={name: section.options for name, section in file.reactor.set_points.items()},
        )
        microscope = make_device(file.microscope, path, name="microscope", source=limits, backend=backend)
        stations: list[Any] = [
            make_device(section, path, name=name, backend=backend) for name, section in file.stations.items()
        ]
        kinds: list[tuple[Any, Any]] = [(reactor, Reactor), (microscope, Microscope)]
        kinds += [(station, Station) for station in stations]
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
        reactor.guard(file.interlocks())
        laboratory = Laboratory(
            name=file.name,
            backend=backend,
            reactor=reactor,
            microscope=microscope,
            state_dir=state_dir,
            stations=stations,
            tiled=tiled,
        )
        if attended:
            orders = (state_dir / STOP, *((stop_file(stop_dir, file.name),) if stop_dir else ()))
            laboratory.attendant = Attendant(
                laboratory, state_dir=state_dir, orders=orders, file=path.resolve(), seed=seed
            )
        return laboratory
    except BaseException:
        backend.close()
        raise


def check_faults(path: Path, faults: Path) -> None:
    """Check a scenario of what goes wrong in the simulated lab of ``path``, without opening the lab.

    Errors: :class:`LabError` with all that is wrong, or when the lab is not simulated.
    """
    file = read_lab_file(path)
    if file.backend is None or not file.simulated:
        raise LabError(f"The lab file {path} describes no simulated lab; faults are for simulated ones.")
    load_class(file.backend.class_, path).check_faults(faults)


def make_device(section: BackendSection, path: Path, **given: Any) -> Any:
    """The device of a section of the lab file ``path``, from what is ``given`` and its options."""
    made = load_class(section.class_, path)
    try:
        return made(**given, **section.options)
    except TypeError as error:
        raise LabError(
            f"The lab file {path} gives {section.class_} options it cannot take: {error}."
        ) from error
