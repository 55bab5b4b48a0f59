"""Image files as arrays, and where they lie."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from models.errors import UnusableInput
from models.micrographs.scale import Scale, picture_scale, tiff_scale

TIFF_SUFFIXES = (".tif", ".tiff")
SUFFIXES = (*TIFF_SUFFIXES, ".png", ".jpg", ".jpeg")
MOST_PIXELS = 8192 * 6144
"""Of one page, so that measuring it takes less than 2 GiB."""
MOST_BYTES = 1 << 30
"""Of all pages together."""


@dataclass(frozen=True)
class ImageFile:
    """Pages of a file, each (H, W) or (H, W, colours) as stored, and what the file says of its scale."""

    pages: tuple[NDArray[Any], ...]
    scale: Scale


def find_images(paths: Iterable[str | Path]) -> list[Path]:
    """The image files among ``paths``; a folder means the images in it by name, none of its sub-folders.

    Errors: :class:`UnusableInput` for a path that is not there, a folder without images, or another kind of
    file.
    """
    found: list[Path] = []
    for path in (Path(given) for given in paths):
        if path.is_dir():
            inside = sorted(
                p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file() and p.name[0] != "."
            )
            if not inside:
                raise UnusableInput(
                    f"The folder {path} holds no images; expected files ending in {', '.join(SUFFIXES)}."
                )
            found += inside
        elif not path.exists():
            raise UnusableInput(f"There is no file {path}; check the path.")
        elif path.suffix.lower() not in SUFFIXES:
            raise UnusableInput(f"{path} is not an image that can be read; expected {', '.join(SUFFIXES)}.")
        else:
            found.append(path)
    if not found:
        raise UnusableInput("No image was named; give image files or folders of them.")
    return found


def open_image(path: Path) -> ImageFile:
    """All pages of a file.

    Errors: :class:`UnusableInput` if it is missing, empty, cut off, too large, of several channels or no
    image.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read ({error.strerror}); check the path.") from error
    if size == 0:
        raise UnusableInput(f"{path} is empty (0 bytes); export or copy it again.")
    try:
        if path.suffix.lower() in TIFF_SUFFIXES:
            with _quiet(), tifffile.TiffFile(path) as tiff:
                return _tiff(tiff, path, size)
        return _picture(path)
    except UnusableInput:
        raise
    except UnidentifiedImageError as error:
        raise UnusableInput(f"{path} is not an image, whatever its name says; export it again.") from error
    # Decoders raise whatever their formats make them (struct.error, zlib.error, IndexError …).
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnusableInput(f"{path} is damaged or cut off ({reason}); copy or export it again.") from error


def _tiff(tiff: tifffile.TiffFile, path: Path, size: int) -> ImageFile:
    for page in tiff.pages:
        ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if not ends or max(ends) > size:
            raise UnusableInput(
                f"{path} is cut off: it has {size} bytes but its image data end at {max(ends, default=0)}; "
                "copy or export it again."
            )
    series = tiff.series[0]
    _check_size(path, series.keyframe.imagewidth, series.keyframe.imagelength, int(series.nbytes))
    channels = series.shape[series.axes.index("C")] if "C" in series.axes else 1
    if channels > 1:
        raise UnusableInput(
            f"{path} holds {channels} channels; export the one to be measured as a grey image."
        )
    array = series.asarray()
    axes = series.axes
    if "S" in axes:
        place = axes.index("S")
        array = np.moveaxis(array, place, -1)
        flat = array.reshape(-1, *array.shape[-3:])
    else:
        flat = array.reshape(-1, *array.shape[-2:])
    return ImageFile(tuple(flat), tiff_scale(tiff, path))


def _picture(path: Path) -> ImageFile:
    with _large_ones_opened(), Image.open(path) as image:
        _check_size(path, image.width, image.height, 0)
        resolution, width = image.info.get("dpi"), image.width
        if image.mode in ("P", "1", "CMYK", "YCbCr"):
            array = np.asarray(image.convert("L" if image.mode == "1" else "RGB"))
        else:
            array = np.asarray(image)
    # A 16-bit PNG opens as 32-bit integers.
    if array.dtype == np.int32:
        array = array.astype(np.uint16)
    return ImageFile((array,), picture_scale(resolution, path, width))


def _check_size(path: Path, width: int, height: int, size: int) -> None:
    """Refuse what does not fit into memory by what its header says, before anything is decoded."""
    if width * height > MOST_PIXELS:
        raise UnusableInput(
            f"{path} is {width} × {height} px, more than the {MOST_PIXELS / 1e6:.0f} million that fit into "
            "memory; cut it into several fields, or reduce it."
        )
    if size > MOST_BYTES:
        raise UnusableInput(
            f"The pages of {path} hold {size / 2**30:.1f} GiB together, more than "
            f"{MOST_BYTES / 2**30:.0f} GiB; split it into several files."
        )


@contextmanager
def _large_ones_opened() -> Iterator[None]:
    """Let Pillow read any header: whether the image is too large, our own limit says."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the TIFF library's own log lines off the terminal; what is wrong is said by our error."""
    logger = logging.getLogger("tifffile")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
