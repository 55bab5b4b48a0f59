"""Micrographs on disk: TIFF with pixel size and provenance, whole or not there at all."""

import contextlib
import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tifffile
from numpy.typing import NDArray

from devices.errors import LabError
from devices.vendor_header import ZEISS_TAG, BeamSettings, zeiss_header


@dataclass(frozen=True)
class FrameProvenance:
    """What a micrograph says of itself, as JSON in its TIFF description.

    ``acquired_at`` is the lab's time (ISO 8601); ``information_bar_rows`` is the height of the bar below the
    field, in rows (None: not known, so it has to be found). ``source`` is the file that the image was taken
    from, where another program wrote it, and ``source_sha256`` the checksum of that file. How the sample was
    made is not told: that is in the ledger, by ``key``.
    """

    key: str
    magnification: float
    field: int
    pixel_size_um: float
    simulated: bool
    acquired_at: str
    instrument: str
    information_bar_rows: int | None = 0
    software: str = "morpholoop"
    source: str = ""
    source_sha256: str = ""

    def description(self) -> str:
        """The JSON; what no other program wrote says nothing of a source."""
        told = dataclasses.asdict(self)
        if not self.source:
            del told["source"], told["source_sha256"]
        return json.dumps(told, sort_keys=True, ensure_ascii=True)


def write_frame(
    path: Path, pixels: NDArray[Any], provenance: FrameProvenance, beam: BeamSettings | None = None
) -> None:
    """Write ``pixels`` (H, W) to ``path`` under another name first, so that no half image ever has its name.

    With ``beam`` the file also carries a header as a vendor's program writes it, which says the same. The
    same arguments give the same bytes. Errors: :class:`LabError` if it cannot be written.
    """
    per_cm = 1e4 / provenance.pixel_size_um
    tags = [] if beam is None else [(ZEISS_TAG, "s", 0, _header(beam, pixels, provenance), True)]
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            tifffile.imwrite(
                file,
                pixels,
                photometric="minisblack",
                resolution=(per_cm, per_cm),
                resolutionunit="CENTIMETER",
                description=provenance.description(),
                metadata=None,
                software=provenance.software,
                extratags=tags,
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        # The new name is only durable once its folder is.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise unwritable(path, error) from error


def _header(beam: BeamSettings, pixels: NDArray[Any], provenance: FrameProvenance) -> bytes:
    height = pixels.shape[0] - (provenance.information_bar_rows or 0)
    return zeiss_header(
        beam,
        scan=(pixels.shape[1], height),
        magnification=provenance.magnification,
        pixel_size_um=provenance.pixel_size_um,
        acquired_at=provenance.acquired_at,
        instrument=f"{provenance.instrument}{' (simulated)' if provenance.simulated else ''}",
    )


def unwritable(path: Path, error: OSError) -> LabError:
    """What to tell when an image cannot be written."""
    return LabError(
        f"The image {path} cannot be written ({error.strerror or error}); "
        "free some space or choose another folder."
    )


def read_provenance(path: Path) -> FrameProvenance:
    """What the image at ``path`` says of itself.

    Errors: :class:`LabError` if it is not an image that :func:`write_frame` wrote.
    """
    try:
        with tifffile.TiffFile(path) as file:
            return FrameProvenance(**json.loads(file.pages.first.description))
    except (OSError, tifffile.TiffFileError, ValueError, TypeError) as error:
        raise LabError(f"The image {path} carries no provenance of this lab ({error}).") from error
