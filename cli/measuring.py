"""Measuring many image files: one after the other, or on all cores; in the order of the files."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from cli.overlays import draw_overlay, write_labels
from cli.particle_table import Row, particle_rows
from flows.scale_out import scheduler, spread
from models.errors import UnusableInput
from models.micrographs import open_image, pages
from models.micrographs.quality import blank, contrast
from models.morphology import FieldMeasurement
from models.morphology.particles import ParticleMeasure
from models.morphology.quantification import measured
from models.morphology.segmenters import segmenter
from models.morphology.trust import distrust

ALONE = 4
"""Up to so many files another process takes longer to start than it saves."""


@dataclass(frozen=True)
class Job:
    """One file and what is wanted of it; ``overlay`` and ``masks`` are places without page and suffix."""

    file: Path
    kind: str
    pixel_size_um: float | None
    segmenter: str
    checkpoint: Path | None
    keep_doubtful: bool
    overlay: Path | None
    masks: Path | None
    tabled: bool


@dataclass(frozen=True)
class Page:
    """One field as measured, without its labels; ``refused``: why it is not to be used.

    ``number`` counts pages from 1, and is None in files of one page.
    """

    file: Path
    number: int | None
    pixel_size_um: float
    found: FieldMeasurement
    warnings: tuple[str, ...]
    refused: str | None
    rows: tuple[Row, ...]


def measure_files(jobs: Sequence[Job], processes: int, done: Callable[[], None]) -> list[Page]:
    """The pages of all files in their order; ``done`` is called once a file.

    They are measured on the Dask cluster that ``MORPHOLOOP_DASK`` names, else by processes of this machine.
    Whatever their number, the numbers are the same. Interrupted, or after an error, files that
    have begun are finished and no others begin: what lies in the folders is whole.
    Errors: :class:`UnusableInput` of the first file in the order that cannot be used.
    """
    found: list[Page] = []
    address = scheduler()
    if address is not None:
        return [page for pages in spread(measure_file, _absolute(jobs), address, done) for page in pages]
    if processes == 1 or len(jobs) <= ALONE:
        for job in jobs:
            found += measure_file(job)
            done()
        return found
    # Forked from a process without threads: rich's and numpy's do not survive a plain fork.
    known = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
    pool = ProcessPoolExecutor(min(processes, len(jobs)), context, initializer=_leave_interrupts_to_parent)
    try:
        futures = [pool.submit(measure_file, job) for job in jobs]
        for future in futures:
            future.add_done_callback(lambda _: done())
        for future in futures:
            found += future.result()
    except BrokenProcessPool as error:
        raise UnusableInput(
            "A process that measured images was ended by the system, most likely for memory; "
            "give --jobs 1, or fewer and smaller images."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
    return found


def _absolute(jobs: Sequence[Job]) -> list[Job]:
    """The same with places that mean the same to a worker that was started in another folder."""
    return [
        replace(
            job,
            file=job.file.absolute(),
            checkpoint=job.checkpoint and job.checkpoint.absolute(),
            overlay=job.overlay and job.overlay.absolute(),
            masks=job.masks and job.masks.absolute(),
        )
        for job in jobs
    ]


def all_cores() -> int:
    """Number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measure_file(job: Job) -> list[Page]:
    """Measure every page of one file, and write its pictures."""
    image = open_image(job.file)
    several = len(image.pages) > 1
    found = []
    for number, micrograph in pages(job.file, image, job.pixel_size_um):
        pixels, size = micrograph.pixels, micrograph.pixel_size_um
        refused = blank(contrast(pixels))
        if refused is None or job.keep_doubtful:
            _, field = measured(pixels, size, job.kind, _particles(job.segmenter, job.checkpoint))
            refused = distrust(pixels, size, field)
        else:
            field = FieldMeasurement("particles" if job.kind == "auto" else job.kind, {})
        doubts: tuple[str, ...] = ()
        if refused is not None:
            doubts = (f"Not to be trusted: {refused}." if job.keep_doubtful else f"Left out: {refused}.",)
        suffix = f"_p{number:03d}" if several else ""
        if field.labels is not None:
            if job.overlay is not None:
                draw_overlay(Path(f"{job.overlay}{suffix}.png"), micrograph, field)
            if job.masks is not None:
                write_labels(Path(f"{job.masks}{suffix}.tif"), field.labels)
        page = number if several else None
        found.append(
            Page(
                job.file,
                page,
                size,
                # Labels are as large as the image; only the numbers are kept.
                replace(field, labels=None),
                (*micrograph.warnings, *field.warnings, *doubts),
                None if job.keep_doubtful else refused,
                particle_rows(job.file, page, field) if job.tabled else (),
            )
        )
    return found


@cache
def _particles(name: str, checkpoint: Path | None) -> ParticleMeasure:
    return ParticleMeasure(segmenter(name, checkpoint))


def _leave_interrupts_to_parent() -> None:
    # Ctrl-C reaches every process of the terminal; the parent ends the work, so that files are finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
