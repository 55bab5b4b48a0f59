"""Fields of view out of a watched folder: one new image for each, and the same again when asked again."""

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ophyd.status import Status

from devices.clock import iso
from devices.errors import LabError, LabStopped, NeedsPerson, SampleLost
from devices.images import FrameProvenance, read_provenance, write_frame
from devices.manual.board import Board
from devices.manual.task import Task
from devices.microscope import FrameWritten, Montage
from devices.watched.arrivals import Arrival, Arrivals, FolderRules
from devices.watched.intake import Intake, Signature, Taken

POLL_S = 0.25


class FolderExposure:
    """Takes in one new image for each field.

    A field that was taken in before is the same again: the journal knows the file and its checksum.
    """

    def __init__(
        self,
        instrument: str,
        rules: FolderRules,
        state_dir: Path,
        *,
        timeout_s: float,
        tell: Callable[[str], object],
    ) -> None:
        self._instrument, self._rules, self._timeout_s, self._tell = instrument, rules, timeout_s, tell
        self._intake = Intake(state_dir / "watched" / f"{instrument}.jsonl")
        self._arrivals = Arrivals(rules, self._intake, self._tell)
        self._board = Board(state_dir / "manual")
        self._task = ""
        self._left = threading.Event()
        self._lock = threading.Lock()
        self._status: Status | None = None
        self._written: FrameWritten | None = None

    def prepare(self, montage: Montage) -> None:
        """Ask for the images; what lies in the folder when a sample is first asked for is not of it."""
        files = self._arrivals.files()
        if self._intake.before(montage.key, montage.magnification) is None:
            self._intake.note_before(montage.key, montage.magnification, files)
        last = montage.indices[-1]
        missing = [
            f for f in montage.indices if self._intake.taken(montage.key, montage.magnification, f) is None
        ]
        if not missing:
            return
        task = Task(
            id=f"{montage.key}@{self._instrument}-{montage.magnification:.0f}x-{last:03d}",
            key=montage.key,
            device=self._instrument,
            title=f"Image the sample {montage.key} at {montage.magnification:g}×: "
            f"{len(missing)} field{'s' if len(missing) > 1 else ''} of view",
            instructions=(
                f"Save {len(missing)} new images ({self._rules.pattern}) of different places into "
                f"{self._rules.folder}; they are taken in by themselves.",
            ),
            asked_at=iso(datetime.now(UTC)),
        )
        self._task = self._board.post(task, again=("withdrawn", "done")).id

    def expose(self, montage: Montage, field: int, status: Status) -> None:
        """Wait for the next image, in a thread of its own."""
        self.make_safe(withdraw=False)
        self._left, self._status = threading.Event(), status
        thread = threading.Thread(
            target=self._wait, args=(montage, field, self._left), name="watched folder", daemon=True
        )
        thread.start()

    def written(self) -> FrameWritten:
        """The image taken in last."""
        if self._written is None:
            raise LabError("No image has been taken yet.")
        return self._written

    def make_safe(self, *, withdraw: bool = True) -> None:
        """Wait no more."""
        self._left.set()
        with self._lock:
            status, self._status = self._status, None
        if status is not None and not status.done:
            status.set_exception(LabStopped("The microscope was stopped while it waited for an image."))
        if withdraw and self._task:
            task, self._task = self._task, ""
            self._board.withdraw(task, "the images are no longer waited for")

    def check(self) -> list[str]:
        """What is wrong, in words: the folder has to be there and to be readable."""
        folder = self._rules.folder
        if not folder.is_dir():
            return [f"the watched folder {folder} is not there; make it, or mend `folder` in the lab file"]
        if not os.access(folder, os.R_OK | os.X_OK):
            return [f"the watched folder {folder} may not be read by this user"]
        return []

    def _wait(self, montage: Montage, field: int, left: threading.Event) -> None:
        try:
            self._written = self._again(montage, field) or self._new(montage, field, left)
            ending: LabError | None = None
            if field == montage.indices[-1] and self._task:
                self._board.finish(self._task, "every image is there")
                self._task = ""
        except _Left:
            return
        except LabError as error:
            ending = error
        except Exception as error:  # whatever it is, whoever waits must not wait for ever
            ending = LabError(f"Field {field} of {montage.key} could not be taken in: {error!r}.")
        with self._lock:
            status, self._status = self._status, None
        if status is None:  # stopped in this very moment
            return
        if ending is None:
            self._tell(f"field {field} of {montage.key} is there")
            status.set_finished()
        else:
            status.set_exception(ending)

    def _again(self, montage: Montage, field: int) -> FrameWritten | None:
        """The field as it was taken in before, if it was."""
        target = montage.path(field)
        taken = self._intake.taken(montage.key, montage.magnification, field)
        there = _provenance(target)
        if taken is None:
            if there is None:
                return None
            # It was written, and then a crash kept it from the journal.
            signature = self._arrivals.files().get(there.source, Signature(0, 0))
            taken = Taken(
                montage.key, montage.magnification, field, there.source, signature, there.source_sha256
            )
            self._intake.note_taken(taken)
        if there is not None and there.source_sha256 == taken.sha256:
            return FrameWritten(target, there.pixel_size_um)
        arrival = self._arrivals.known(taken.name, taken.sha256, montage.magnification)
        if arrival is None:
            raise LabError(
                f"Field {field} of {montage.key} was taken from {taken.name}, which is gone from "
                f"{self._rules.folder} or has changed; put it back."
            )
        return self._write(montage, field, arrival)

    def _new(self, montage: Montage, field: int, left: threading.Event) -> FrameWritten:
        before = self._intake.before(montage.key, montage.magnification) or {}
        where = f"field {field} of {montage.key} at {montage.magnification:g}×"
        self._tell(f"waiting for {where} in {self._rules.folder}")
        deadline = time.monotonic() + self._timeout_s
        while True:
            arrival = self._arrivals.next(montage.magnification, before)
            if arrival is not None and not left.is_set():
                frame = self._write(montage, field, arrival)
                self._intake.note_taken(
                    Taken(
                        montage.key,
                        montage.magnification,
                        field,
                        arrival.path.name,
                        arrival.signature,
                        arrival.sha256,
                    )
                )
                return frame
            task = self._board.task(self._task) if self._task else None
            if task is not None and task.state == "rejected":
                raise SampleLost(
                    f"The imaging of {montage.key} was rejected by {task.closed_by}: {task.reason}."
                )
            if time.monotonic() > deadline:
                refused = self._arrivals.refusals()
                raise NeedsPerson(
                    f"No image for {where} came into {self._rules.folder} within "
                    f"{self._timeout_s / 60:g} min{f' ({refused})' if refused else ''}; "
                    "save it there and give the same command again."
                )
            if left.wait(min(POLL_S, max(0.02, self._rules.settle_s / 4))):
                raise _Left

    def _write(self, montage: Montage, field: int, arrival: Arrival) -> FrameWritten:
        written = datetime.fromtimestamp(arrival.signature.written_ns / 1e9, UTC)
        provenance = FrameProvenance(
            key=montage.key,
            magnification=montage.magnification,
            field=field,
            pixel_size_um=arrival.pixel_size_um,
            simulated=False,
            acquired_at=iso(written),
            instrument=self._instrument,
            information_bar_rows=None,
            source=arrival.path.name,
            source_sha256=arrival.sha256,
        )
        path = montage.path(field)
        write_frame(path, arrival.pixels, provenance)
        return FrameWritten(path, arrival.pixel_size_um)


class _Left(Exception):  # noqa: N818
    """Nobody waits any more."""


def _provenance(path: Path) -> FrameProvenance | None:
    """What an image that was taken in before says of itself, if it is there."""
    try:
        return read_provenance(path)
    except LabError:
        return None
