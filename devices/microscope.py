"""A microscope that images fields of view of the sample of a dispatch key and writes them to files."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from ophyd import Component, Device, Kind, Signal
from ophyd.status import Status

from devices.clock import Clock
from devices.errors import LabError
from devices.limits import LimitSource
from devices.records import check_key
from devices.setpoints import MakeLogic, SetPoint

TIMEOUT_S = 2 * 3600.0
"""How long one field may take, in seconds of the lab."""


class MicroscopeState(StrEnum):
    """What the microscope is doing."""

    IDLE = "idle"
    ACQUIRING = "acquiring"


@dataclass(frozen=True)
class Montage:
    """Fields of view to take of a sample: ``fields`` of them, from ``first_field`` on, into ``folder``."""

    key: str
    magnification: float
    fields: int
    first_field: int
    folder: Path

    @property
    def indices(self) -> range:
        """The indices of the fields."""
        return range(self.first_field, self.first_field + self.fields)

    def path(self, field: int) -> Path:
        """Where the image of ``field`` goes; the same field always has the same name."""
        return self.folder / f"{self.key}_{self.magnification:.0f}x_{field:03d}.tif"


@dataclass(frozen=True)
class FrameWritten:
    """One image on disk, with its pixel size in µm."""

    path: Path
    pixel_size_um: float


class ExposureLogic(Protocol):
    """Takes images; told beforehand which are coming."""

    def prepare(self, montage: Montage) -> None:
        """Get ready for ``montage``; raises :class:`LabError` if there is no sample of its key."""
        ...

    def expose(self, montage: Montage, field: int, status: Status) -> None:
        """Image ``field``, write it to ``montage.path(field)``, then finish ``status``."""
        ...

    def written(self) -> FrameWritten:
        """The image written last."""
        ...

    def make_safe(self) -> None:
        """Stop acquiring."""
        ...


class AtOnce(Signal):  # type: ignore[misc]
    """A soft signal that is set when ``set`` returns: where time jumps, it must not jump meanwhile."""

    def set(self, value: Any, **_: Any) -> Status:
        """Put the value."""
        self.put(value)
        status = Status(self)
        status.set_finished()
        return status


class Microscope(Device):  # type: ignore[misc]
    """The base of every microscope; a back end is a subclass that hands over its logic."""

    simulated = False
    timeout_s = TIMEOUT_S
    state = Component(Signal, value=MicroscopeState.IDLE.value, kind=Kind.normal)
    sample = Component(Signal, value="", kind=Kind.normal)
    field = Component(AtOnce, value=0, kind=Kind.normal)
    image_path = Component(Signal, value="", kind=Kind.hinted)
    pixel_size_um = Component(Signal, value=0.0, kind=Kind.normal)

    def __init__(
        self, *, name: str, source: LimitSource, clock: Clock, make_logic: MakeLogic, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.clock = clock
        self.magnification = SetPoint(
            name=f"{name}_magnification",
            quantity="magnification",
            source=source,
            clock=clock,
            make_logic=make_logic,
        )
        self.logic: ExposureLogic
        self._montage: Montage | None = None

    def prepare(self, montage: Montage) -> Status:
        """Get the sample of a montage under the beam; done at once where nothing has to be moved."""
        check_key(montage.key)
        status = Status(self, timeout=self.clock.wall_seconds(self.timeout_s))
        try:
            self.logic.prepare(montage)
        except LabError as refusal:
            status.set_exception(refusal)
            status.exception(timeout=10)
            return status
        self._montage = montage
        self.sample.put(montage.key, timestamp=self.clock.now().timestamp())
        status.set_finished()
        status.wait(timeout=10)
        return status

    def trigger(self) -> Status:
        """Image the field that ``field`` stands at; done when the file is on disk."""
        montage, field = self._montage, int(self.field.get())
        if montage is None:
            raise LabError("The microscope was triggered with no sample under the beam; prepare it first.")
        # A status of its own, because the signals have to be right before bluesky may read them.
        done = Status(self, timeout=self.clock.wall_seconds(self.timeout_s))
        taken = Status(self)
        self.state.put(MicroscopeState.ACQUIRING.value)

        def finish(status: Status) -> None:
            self.state.put(MicroscopeState.IDLE.value)
            if not status.success:
                done.set_exception(status.exception(timeout=0))
                return
            frame = self.logic.written()
            self.image_path.put(str(frame.path), timestamp=self.clock.now().timestamp())
            self.pixel_size_um.put(frame.pixel_size_um, timestamp=self.clock.now().timestamp())
            done.set_finished()
            done.wait(timeout=10)

        taken.add_callback(finish)
        self.logic.expose(montage, field, taken)
        return done

    def check(self) -> list[str]:
        """What is wrong with the microscope now, in words; nothing moves."""
        return [] if self.connected else [f"{self.name} is not connected"]

    def stop(self, *, success: bool = False) -> None:
        """What bluesky calls when a plan ends, in whatever way."""
        self.logic.make_safe()
