"""The simulated scanning electron microscope: renders fields of the plant's samples, in virtual time."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ophyd.status import Status

from devices.errors import LabError, LabStopped
from devices.images import FrameProvenance, write_frame
from devices.limits import LimitSource
from devices.microscope import FrameWritten, Microscope, Montage
from sim.bench import SimulatedBench
from sim.clock import Timer
from sim.information_bar import bar_rows, with_bar
from sim.lag import lags
from sim.plant import SCAN, Render


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

    def prepare(self, montage: Montage) -> None:
        """Begin to render the fields of ``montage``."""
        self._forget_renders()
        record = self._bench.journal.sample(montage.key)
        if record is None:
            raise LabError(f"There is no sample of {montage.key} to image; synthesise it first.")
        self._sample = self._bench.plant.sample_from_dict(record)
        self._pool = ThreadPoolExecutor(self._renderers, thread_name_prefix="render")
        for field in montage.indices:
            self._renders[field] = self._pool.submit(
                self._bench.plant.render,
                self._sample,
                magnification=montage.magnification,
                field=field,
                scan=self._scan,
            )

    def expose(self, montage: Montage, field: int, status: Status) -> None:
        """Take the time that a field takes, then write its image."""
        known_s = self._bench.journal.imaged_at(montage.key, montage.magnification, field)
        if self._timer is not None:
            self._timer.cancel()  # the same field asked for again after a pause
        self._status = status
        delay_s = self._field_s if known_s is None else 0.0
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
        taken_s = self._bench.clock.elapsed_s() if known_s is None else known_s
        try:
            render = self._renders.pop(field).result()
            provenance = FrameProvenance(
                key=montage.key,
                magnification=montage.magnification,
                field=field,
                pixel_size_um=render.pixel_size_um,
                simulated=True,
                acquired_at=self._bench.clock.at(taken_s),
                instrument=self._instrument,
                information_bar_rows=bar_rows(self._scan),
            )
            pixels = with_bar(
                render.pixels,
                pixel_size_um=render.pixel_size_um,
                magnification=montage.magnification,
                kilovolts=self._kilovolts,
            )
            path = montage.path(field)
            write_frame(path, pixels, provenance)
            if known_s is None:
                with self._bench.lock:
                    self._bench.journal.imaged(montage.key, montage.magnification, field, t_s=taken_s)
        except Exception as error:
            status.set_exception(error)
            return
        self._written = FrameWritten(path, render.pixel_size_um)
        status.set_finished()

    def _forget_renders(self) -> None:
        self._renders.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
