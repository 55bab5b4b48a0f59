"""Micrographs as they are measured: grey, without information bar, with their pixel size."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import UnusableInput
from models.micrographs.bar import information_bar
from models.micrographs.files import ImageFile, open_image
from models.micrographs.greyscale import SMALLEST_SIDE_PX, to_grey


@dataclass(frozen=True)
class Micrograph:
    """One field: ``pixels`` (H, W) float32 in [0, 1] without information bar, and the pixel size in µm."""

    pixels: NDArray[np.float32]
    pixel_size_um: float
    path: Path | None = None
    magnification: float | None = None
    warnings: tuple[str, ...] = ()


def read(path: str | Path, pixel_size_um: float | None = None) -> list[Micrograph]:
    """The micrographs of a file, one per page.

    TIFF, OME-TIFF, PNG and JPEG; 8 or 16 bit or float; grey or RGB(A). ``pixel_size_um`` overrides what the
    file says (OME, FEI, Zeiss, Tescan, Olympus, JEOL or Hitachi metadata, resolution tags); an information
    bar is cut off. Errors: :class:`UnusableInput` when the file is missing, empty, cut off, too large or no
    image, when a page holds NaN, or when no pixel size is to be had.
    """
    file = Path(path)
    return [page for _, page in pages(file, open_image(file), pixel_size_um)]


def pages(
    file: Path, image: ImageFile, pixel_size_um: float | None = None
) -> Iterator[tuple[int, Micrograph]]:
    """Number, from 1 on, and micrograph of each page of an open ``file``, one in memory at a time.

    Errors: as :func:`read`.
    """
    if pixel_size_um is not None and not (math.isfinite(pixel_size_um) and pixel_size_um > 0):
        raise UnusableInput(f"The pixel size must be a positive number of µm; got {pixel_size_um}.")
    size = pixel_size_um if pixel_size_um is not None else image.scale.pixel_size_um
    if size is None:
        raise UnusableInput(
            f"{file} does not say its pixel size; give it in µm (--pixel-size-um), "
            "or put the microscope's side-car .txt beside it."
        )
    for number, page in enumerate(image.pages, start=1):
        name = str(file) if len(image.pages) == 1 else f"{file}, page {number},"
        grey = to_grey(page, name)
        rows = image.scale.bar_rows
        believed = rows is not None and rows <= grey.shape[0] - SMALLEST_SIDE_PX
        end = grey.shape[0] - rows if believed and rows is not None else information_bar(grey)
        warnings = () if np.ptp(grey[:end]) > 0 else ("The image has no contrast.",)
        yield number, Micrograph(grey[:end], size, file, image.scale.magnification, warnings)
