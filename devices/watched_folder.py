"""A microscope that a person works with the vendor's software: its images are taken from a folder."""

from pathlib import Path
from typing import Literal

from ophyd import Component, Kind, Signal
from ophyd.status import Status

from devices.backend import DirectBackend
from devices.clock import Clock
from devices.errors import LabError
from devices.limits import Limit, LimitSource
from devices.microscope import Microscope
from devices.setpoints import SetPointLogic
from devices.watched.arrivals import FolderRules
from devices.watched.exposure import FolderExposure


class FolderMicroscope(Microscope):
    """Waits for the vendor's software to drop the next image into ``folder``.

    ``pattern`` is a glob, ``settle_s`` how long a file must not change before it is read, ``timeout_min`` how
    long to wait for one field, in minutes. ``magnification`` and ``display_width_mm``: see
    :class:`~devices.watched.arrivals.FolderRules`. Nothing in the folder is ever changed or removed.
    """

    note = Component(Signal, value="", kind=Kind.omitted)

    def __init__(
        self,
        *,
        name: str,
        source: LimitSource,
        backend: DirectBackend,
        folder: str,
        pattern: str = "*.tif",
        settle_s: float = 3.0,
        timeout_min: float = 120.0,
        magnification: Literal["metadata", "asked"] = "metadata",
        display_width_mm: float | None = None,
    ) -> None:
        super().__init__(name=name, source=source, clock=backend.clock, make_logic=_at_once)
        if magnification not in ("metadata", "asked"):
            raise LabError(
                f"The {name}'s option magnification is {magnification!r}; expected metadata or asked."
            )
        if not (timeout_min > 0 and settle_s >= 0):
            raise LabError(f"The {name}'s timeout_min must be more than 0, and its settle_s not less.")
        self.timeout_s = 60.0 * timeout_min + 60.0  # its own time-out, which says more, comes first
        rules = FolderRules(
            Path(folder).expanduser().absolute(), pattern, settle_s, magnification, display_width_mm
        )
        self.logic = self.watch = FolderExposure(
            name, rules, backend.state_dir, timeout_s=60.0 * timeout_min, tell=self.note.put
        )

    def check(self) -> list[str]:
        """What is wrong with the folder, in words."""
        return [*super().check(), *self.watch.check()]


class _AtOnce:
    """The magnification that is asked for; the images tell whether a person has set it."""

    def __init__(self, readback: Signal, clock: Clock) -> None:
        self._readback, self._clock = readback, clock

    def move(self, value: float | str, status: Status) -> None:
        """It is asked for."""
        self._readback.put(value, timestamp=self._clock.now().timestamp())
        status.set_finished()

    def make_safe(self, value: float | str) -> None:
        """Nothing moves by itself."""


def _at_once(limit: Limit, readback: Signal, clock: Clock) -> SetPointLogic:
    return _AtOnce(readback, clock)
