"""The orders that a simulated controller takes for one of its microscopes."""

from pathlib import Path
from typing import TYPE_CHECKING

from ophyd.status import Status

from devices.errors import LabError
from devices.microscope import Microscope, Montage
from devices.records import check_key

if TYPE_CHECKING:
    from sim.ioc_controller import Controller


class MicroscopeOrders:
    """Images ``field`` of ``sample`` into ``folder``."""

    def __init__(self, microscope: Microscope, controller: "Controller") -> None:
        self.microscope, self._controller = microscope, controller
        self.sample, self.folder, self.field = "", "", 0
        self._exposure: Status | None = None

    def magnify(self, value: float | str) -> None:
        """Set the magnification."""
        self._controller.wait_for(self.microscope.magnification.set(value))

    def put_sample(self, key: str) -> None:
        """Put the sample of a batch under the beam."""
        check_key(key)
        if self._controller.bench.journal.sample(key) is None:
            raise LabError(f"There is no sample of {key} to image; synthesise it first.")
        self.sample = key

    def go_to(self, field: int) -> None:
        """Choose the field to image."""
        if field < 0:
            raise LabError(f"There is no field {field}; they count from 0.")
        self.field = field

    def acquire(self) -> None:
        """Image the field that is set, of the sample under the beam, into the folder that is set."""
        self._controller.check_released()
        if self.acquiring:
            raise LabError("The microscope is acquiring already.")
        self._controller.alive()
        self.microscope.image_path.put("")
        magnification = float(self.microscope.magnification.setpoint.get())
        montage = Montage(self.sample, magnification, 1, self.field, Path(self.folder))
        refusal = self.microscope.prepare(montage).exception(timeout=10)
        if refusal is not None:
            raise refusal
        self.microscope.field.put(self.field)
        self._exposure = self.microscope.trigger()
        self._controller.wait_for(self._exposure)

    def stop(self) -> None:
        """Stop acquiring."""
        self.microscope.stop()

    @property
    def acquiring(self) -> bool:
        """Whether a field is being imaged."""
        return self._exposure is not None and not self._exposure.done

    @property
    def fault(self) -> str:
        """Why the last field was not imaged; empty if it was."""
        if self._exposure is None or self.acquiring or self._exposure.success:
            return ""
        return str(self._exposure.exception(timeout=0))
