"""A microscope that a controller behind EPICS drives; it writes its images where both can reach them."""

from pathlib import Path

from ophyd.status import Status

from devices.epics.backend import EpicsBackend
from devices.epics.setpoint import set_points
from devices.errors import DeviceFault, LabError
from devices.limits import LimitSource
from devices.microscope import FrameWritten, Microscope, Montage


class EpicsMicroscope(Microscope):
    """A microscope behind the PVs that begin with the controller's prefix and ``base``."""

    def __init__(self, *, name: str, source: LimitSource, backend: EpicsBackend, base: str = "SEM:") -> None:
        super().__init__(
            name=name,
            source=source,
            clock=backend.clock,
            make_logic=set_points(backend, base, {"magnification": {"pv": "Magnification"}}),
        )
        self.simulated = backend.simulated
        self.logic = EpicsExposure(backend, base)


class EpicsExposure:
    """Has the controller image field after field."""

    def __init__(self, backend: EpicsBackend, base: str) -> None:
        self._backend = backend
        self._sample = backend.channel(f"{base}Sample", "text")
        self._folder = backend.channel(f"{base}Folder", "text")
        self._field = backend.channel(f"{base}Field")
        self._acquire, self._stop = backend.channel(f"{base}Acquire"), backend.channel(f"{base}Stop")
        self._done = backend.channel(f"{base}Done")
        self._path = backend.channel(f"{base}Path", "text")
        self._pixel_size = backend.channel(f"{base}PixelSize")
        self._reason = backend.channel(f"{base}Reason", "text")
        backend.connect()
        self._done.watch(lambda _: backend.watch.poke())
        self._written: FrameWritten | None = None

    def prepare(self, montage: Montage) -> None:
        """Put the sample under the beam, and say where the images go."""
        self._sample.put(montage.key)
        if self._sample.text() != montage.key:
            raise self._backend.refused(f"put the sample of {montage.key} under the beam")
        folder = str(montage.folder.absolute())
        self._folder.put(folder)
        if self._folder.text() != folder:
            raise self._backend.refused(f"take {folder} as the folder of images")

    def expose(self, montage: Montage, field: int, status: Status) -> None:
        """Have one field imaged."""
        self._field.put(field)
        self._acquire.put(1)
        self._backend.watch.until(lambda: self._there(montage.path(field)), status)

    def written(self) -> FrameWritten:
        """The image written last."""
        if self._written is None:
            raise LabError("No image has been taken yet.")
        return self._written

    def make_safe(self) -> None:
        """Stop acquiring."""
        self._stop.send(1)

    def _there(self, expected: Path) -> bool:
        if not self._done.number():
            return False
        told = self._path.text()
        if Path(told).name != expected.name:
            reason = self._reason.text() or "it gives no reason"
            raise DeviceFault(f"The microscope did not take {expected.name} ({reason.rstrip('.')}).")
        path = Path(told)
        if not path.is_file():
            raise LabError(
                f"The microscope says that it wrote {path}, but there is no such file here; share the folder "
                "between its controller and this machine under the same name."
            )
        self._written = FrameWritten(path, self._pixel_size.number())
        return True
