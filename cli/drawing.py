"""Files of generated micrographs with their provenance, and contact sheets; whole or not at all."""

import io
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from models.errors import UnusableInput

Pixels = npt.NDArray[np.float32]
CAPTION_PX = 18
GAP_PX = 4


@dataclass(frozen=True)
class DrawnImage:
    """One file: where it is, and what it shows."""

    path: Path
    magnification: int
    pixel_size_um: float
    index: int


def write_image(path: Path, pixels: Pixels, pixel_size_um: float, provenance: Mapping[str, Any]) -> None:
    """Write ``pixels`` (H, W) in [0, 1] as 8-bit TIFF or PNG (by suffix), pixel size and provenance inside.

    The provenance is JSON in the TIFF's ImageDescription or the PNG's text ``morpholoop``.
    Errors: :class:`UnusableInput` when the file cannot be written.
    """
    grey = np.round(np.clip(pixels, 0.0, 1.0) * 255).astype(np.uint8)
    described = json.dumps({**provenance, "pixel_size_um": pixel_size_um})
    if path.suffix == ".png":
        text = PngInfo()
        text.add_text("morpholoop", described)
        dots = 25_400 / pixel_size_um
        write_atomically(path, lambda f: Image.fromarray(grey).save(f, "PNG", pnginfo=text, dpi=(dots, dots)))
        return
    per_centimetre = 10_000 / pixel_size_um
    write_atomically(
        path,
        lambda f: tifffile.imwrite(
            f,
            grey,
            photometric="minisblack",
            resolution=(per_centimetre, per_centimetre),
            resolutionunit="CENTIMETER",
            description=described,
            metadata=None,
            software="morpholoop",
        ),
    )


def write_contact_sheet(path: Path, rows: Sequence[tuple[str, Pixels]]) -> None:
    """All images at a glance, as PNG: one captioned row (n, H, W) in [0, 1] per magnification."""
    widths = [len(images) * (images.shape[2] + GAP_PX) + GAP_PX for _, images in rows]
    heights = [images.shape[1] + CAPTION_PX + GAP_PX for _, images in rows]
    sheet = Image.new("L", (max(widths), sum(heights) + GAP_PX), 255)
    draw = ImageDraw.Draw(sheet)
    top = 0
    for (caption, images), height in zip(rows, heights, strict=True):
        draw.text((GAP_PX, top + 3), caption, fill=0)
        for i, pixels in enumerate(images):
            grey = Image.fromarray(np.round(np.clip(pixels, 0.0, 1.0) * 255).astype(np.uint8))
            sheet.paste(grey, (GAP_PX + i * (images.shape[2] + GAP_PX), top + CAPTION_PX))
        top += height
    write_atomically(path, lambda f: sheet.save(f, "PNG"))


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """What ``write`` writes goes to a temporary file beside ``path``, is flushed and renamed into place."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            content = io.BytesIO()
            write(content)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content.getbuffer())
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).chmod(0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UnusableInput(
            f"{path} cannot be written ({error.strerror or error}); give a folder with --out that you may "
            "write to."
        ) from error
