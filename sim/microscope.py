"""The simulated scanning electron microscope: renders fields of the plant's samples, in virtual time."""

import errno
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from ophyd.status import Status

from devices.errors import DeviceFault, LabError, LabStopped, NeedsPerson
from devices.images import FrameProvenance, unwritable, write_frame
from devices.limits import LimitSource
from devices.microscope import FrameWritten, Microscope, Montage
from devices.vendor_header import BeamSettings
from sim.bench import SimulatedBench
from sim.clock import Timer
from sim.fault_images import spoilt
from sim.fault_schedule import Due
from sim.faults import Fault
from sim.information_bar import bar_rows, with_bar
from sim.lag import lags
from sim.plant import SCAN, Render

LEAVES_NO_IMAGE = ("power_cut", "vacuum_loss", "filament_end", "disk_full")
WORKING_DISTANCE_MM, DWELL_NS, DETECTOR = 6.0, 20_000.0, "SE2"
PUMPING_S = 1800.0
"""How long the chamber takes to be pumped down again."""


class SimulatedMicroscope(Microscope):
    """A microscope that images what the simulated reactor made.

    ``scan`` is (width, height) in pixels, ``field_min`` the time that one field takes, ``renderers`` how many
    fields are rendered at once.
    """

    simulated = True

    def __init__(
        self,
        *,
        name: str,
        source: LimitSource,
        backend: SimulatedBench,
        scan: tuple[int, int] = SCAN,
        field_min: float = 1.0,
        kilovolts: float = 5.0,
        renderers: int = 2,
    ) -> None:
        super().__init__(name=name, source=source, clock=backend.clock, make_logic=lags(backend.clock, {}))
        self.logic = SimulatedExposure(
            name,
            backend,
            scan=(int(scan[0]), int(scan[1])),
            field_s=60.0 * field_min,
            kilovolts=kilovolts,
            renderers=renderers,
        )


class SimulatedExposure:
    """Renders the fields of a montage ahead, and hands them out one by one.

    A field that was imaged before is the same again and takes no time, as from a microscope's own store: a
    montage that a crash cut off goes on where it was.
    """

    def __init__(
        self,
        instrument: str,
        bench: SimulatedBench,
        *,
        scan: tuple[int, int],
        field_s: float,
        kilovolts: float,
        renderers: int,
    ) -> None:
        self._instrument, self._bench = instrument, bench
        self._scan, self._field_s, self._kilovolts, self._renderers = scan, field_s, kilovolts, renderers
        self._pool: ThreadPoolExecutor | None = None
        self._renders: dict[int, Future[Render]] = {}
        self._sample: Any = None
        self._timer: Timer | None = None
        self._status: Status | None = None
        self._written: FrameWritten | None = None
        self._pumping_s = 0.0

    def prepare(self, montage: Montage) -> None:
        """Begin to render the fields of ``montage``."""
        self._bench.check_power()
        self._forget_renders()
        record = self._bench.journal.sample(montage.key)
        if record is None:
            raise LabError(f"There is no sample of {montage.key} to image; synthesise it first.")
        self._sample = self._bench.plant.sample_from_dict(record)
        self._pool = ThreadPoolExecutor(self._renderers, thread_name_prefix="render")
        for field in montage.indices:
            self._renders[field] = self._rendered(montage.magnification, field)

    def expose(self, montage: Montage, field: int, status: Status) -> None:
        """Take the time that a field takes, then write its image."""
        known_s = self._bench.journal.imaged_at(montage.key, montage.magnification, field)
        if self._timer is not None:
            self._timer.cancel()  # the same field asked for again after a pause
        self._status = status
        delay_s = self._pumping_s + (self._field_s if known_s is None else 0.0)
        self._pumping_s = 0.0
        self._timer = self._bench.clock.after(delay_s, lambda: self._write(montage, field, known_s))

    def written(self) -> FrameWritten:
        """The image written last."""
        if self._written is None:
            raise LabError("No image has been taken yet.")
        return self._written

    def make_safe(self) -> None:
        """Stop acquiring."""
        if self._timer is not None:
            self._timer.cancel()
        self._forget_renders()
        status, self._status = self._status, None
        if status is not None and not status.done:
            status.set_exception(LabStopped("The microscope was stopped."))

    def _write(self, montage: Montage, field: int, known_s: float | None) -> None:
        status, self._status = self._status, None
        if status is None:  # stopped in this very moment
            return
        try:
            self._written = self._taken(montage, field, known_s)
        except Exception as error:  # whatever it is, who waits for the frame is told, and waits no longer
            status.set_exception(error)
            return
        status.set_finished()

    def _taken(self, montage: Montage, field: int, known_s: float | None) -> FrameWritten:
        """Write the image of ``field``, as far as the scenario lets it be taken."""
        bench = self._bench
        bench.check_power()
        taken_s = bench.clock.elapsed_s() if known_s is None else known_s
        faults = self._befall(montage, field, taken_s)
        magnification, render = montage.magnification, self._renders.pop(field)
        for fault in faults:
            if fault.kind == "wrong_magnification":
                magnification = montage.magnification * fault.extent
                render = self._rendered(magnification, field)
            elif fault.kind == "stage_stuck":
                render = self._rendered(magnification, max(0, field - 1))
        image = render.result()
        pixels = image.pixels
        for fault in faults:
            place = [int(montage.magnification), field]
            pixels = spoilt(pixels, fault, np.random.default_rng([bench.journal.batch(montage.key), *place]))
        provenance = FrameProvenance(
            key=montage.key,
            magnification=magnification,
            field=field,
            pixel_size_um=image.pixel_size_um,
            simulated=True,
            acquired_at=bench.clock.at(taken_s),
            instrument=self._instrument,
            information_bar_rows=bar_rows(self._scan),
        )
        barred = with_bar(
            pixels,
            pixel_size_um=image.pixel_size_um,
            magnification=magnification,
            kilovolts=self._kilovolts,
        )
        path = montage.path(field)
        beam = BeamSettings(self._kilovolts, WORKING_DISTANCE_MM, DWELL_NS, DETECTOR)
        write_frame(path, barred, provenance, beam)
        if any(fault.kind == "corrupt_file" for fault in faults):
            # The file system lost what the microscope believes it wrote.
            with path.open("r+b") as file:
                file.truncate(path.stat().st_size // 3)
        if known_s is None:
            with bench.lock:
                bench.journal.imaged(montage.key, montage.magnification, field, t_s=taken_s)
        return FrameWritten(path, image.pixel_size_um)

    def _befall(self, montage: Montage, field: int, taken_s: float) -> list[Fault]:
        """The faults that spoil an image; one that leaves no image is raised."""
        bench, key, magnification = self._bench, montage.key, montage.magnification
        with bench.lock:
            taken = bench.journal.imaged_at(key, magnification, field) is not None
            dues = bench.faults.at_field(key, magnification, field, self._field_s / 3600.0)
        # What leaves no image comes first, one at a time; the rest waits for a field that is taken.
        for due in sorted(dues, key=lambda one: one.fault.kind not in LEAVES_NO_IMAGE) if not taken else ():
            with bench.lock:
                bench.faults.note(due, key, t_s=taken_s, magnification=magnification, field=field)
            self._raise(due, montage, field)
        return [due.fault for due in dues]

    def _raise(self, due: Due, montage: Montage, field: int) -> None:
        match due.fault.kind:
            case "power_cut":
                raise self._bench.cut_power()
            case "vacuum_loss":
                self._pumping_s = PUMPING_S
                raise DeviceFault(
                    f"The microscope lost its vacuum at field {field}; it pumps down by itself."
                )
            case "filament_end":
                raise NeedsPerson(
                    f"The microscope's filament burnt out at field {field} of {montage.key}; replace it and "
                    "give the same command again."
                )
            case "disk_full":
                raise unwritable(montage.path(field), OSError(errno.ENOSPC, "No space left on device"))

    def _rendered(self, magnification: float, field: int) -> "Future[Render]":
        assert self._pool is not None
        return self._pool.submit(
            self._bench.plant.render, self._sample, magnification=magnification, field=field, scan=self._scan
        )

    def _forget_renders(self) -> None:
        self._renders.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
