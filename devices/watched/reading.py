"""One image file as it was dropped: its pixels, whole, and what it says of its scale."""

import io
import json
import logging
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

_UM = {"m": 1e6, "cm": 1e4, "mm": 1e3, "um": 1.0, "µm": 1.0, "μm": 1.0, "nm": 1e-3, "inch": 25400.0}
COARSEST_UM = 10.0
"""A resolution tag coarser than this is for printing, not of the specimen."""


class NotAnImage(ValueError):  # noqa: N818
    """What lies in the file is no micrograph; the text says what it is instead."""


@dataclass(frozen=True)
class Dropped:
    """The grey ``pixels`` (H, W) as stored; pixel size in µm and magnification where the file tells them."""

    pixels: NDArray[Any]
    pixel_size_um: float | None
    magnification: float | None


def read_dropped(content: bytes, path: Path) -> Dropped:
    """The image in ``content``, the bytes of ``path``, whose side-car text is looked for beside it.

    Errors: :class:`NotAnImage` when it is empty, cut off, no image, or more than one.
    """
    if not content:
        raise NotAnImage("it is empty")
    try:
        if content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            pixels, size, magnification = _tiff(content)
        else:
            pixels, size, magnification = _picture(content)
    except NotAnImage:
        raise
    except UnidentifiedImageError as error:
        raise NotAnImage("it is no image") from error
    # Decoders raise whatever their formats make them (struct.error, zlib.error, IndexError …).
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NotAnImage(f"it is damaged or cut off ({first})") from error
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise NotAnImage("it holds values that are no numbers")
    beside_size, beside_magnification = _side_car(path, pixels.shape[1])
    # A side-car is of the specimen; a resolution tag, which ``size`` may be, is at times of the paper.
    return Dropped(pixels, beside_size or size, beside_magnification or magnification)


def side_car(path: Path) -> Path | None:
    """The text file beside an image that some microscopes write, if it is there."""
    names = (path.with_suffix(".txt"), path.with_suffix(".TXT"), Path(f"{path}.txt"))
    return next((name for name in names if name != path and name.is_file()), None)


def _tiff(content: bytes) -> tuple[NDArray[Any], float | None, float | None]:
    with _quiet(), tifffile.TiffFile(io.BytesIO(content)) as tiff:
        if len(tiff.pages) != 1:
            raise NotAnImage(f"it has {len(tiff.pages)} pages, and a field is one")
        page = tiff.pages.first
        ends = [at + n for at, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if not ends or max(ends) > len(content):
            raise NotAnImage(f"it is cut off: {len(content)} bytes of {max(ends, default=0)}")
        pixels = page.asarray()
        if page.planarconfig == 2 and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        if page.photometric == 0 and pixels.dtype == np.uint8:  # white is zero
            pixels = 255 - pixels
        told = [_own(page.description), _fei(tiff.fei_metadata), _zeiss(tiff.sem_metadata)]
        told += [(_ome(tiff.ome_metadata), None), (_resolution(page, tiff.imagej_metadata), None)]
    size = next((_positive(one) for one, _ in told if _positive(one)), None)
    magnification = next((_positive(one) for _, one in told if _positive(one)), None)
    return _grey(pixels), size, magnification


def _picture(content: bytes) -> tuple[NDArray[Any], float | None, float | None]:
    with Image.open(io.BytesIO(content)) as image:
        dpi = image.info.get("dpi")
        image.load()
        shown = image.convert("RGB") if image.mode in ("P", "CMYK", "YCbCr") else image
        pixels = np.asarray(shown.convert("L") if shown.mode == "1" else shown)
    if pixels.dtype == np.int32:  # a 16-bit PNG opens as 32-bit integers
        pixels = pixels.astype(np.uint16)
    per_inch = float(dpi[0]) if dpi else 0.0
    size = _UM["inch"] / per_inch if per_inch > 0 else math.inf
    return _grey(pixels), size if size < COARSEST_UM else None, None


def _grey(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.ndim == 2:
        return pixels
    if pixels.ndim != 3 or pixels.shape[-1] not in (1, 2, 3, 4):
        raise NotAnImage(f"it has the shape {pixels.shape}, and a field is flat")
    colours = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., :1]
    if (colours == colours[..., :1]).all():
        return np.ascontiguousarray(colours[..., 0])
    grey: NDArray[Any] = np.rint(colours @ np.array([0.299, 0.587, 0.114])).astype(pixels.dtype)
    return grey


def _own(description: str) -> tuple[Any, Any]:
    try:
        told = json.loads(description)
    except ValueError:
        return None, None
    return (told.get("pixel_size_um"), told.get("magnification")) if isinstance(told, dict) else (None, None)


def _fei(metadata: Mapping[str, Any] | None) -> tuple[Any, Any]:
    for section in ("EScan", "Scan", "IScan"):
        width = _positive((metadata or {}).get(section, {}).get("PixelWidth"))
        if width:
            return width * _UM["m"], None
    return None, None


def _zeiss(metadata: Mapping[str, Any] | None) -> tuple[Any, Any]:
    def number(*names: str, scales: Mapping[str, float]) -> float | None:
        for name in names:
            entry = (metadata or {}).get(name)
            text = " ".join(str(part) for part in entry[1:]) if isinstance(entry, tuple) else ""
            match = re.match(r"([\d.eE+-]+)\s*(.*)", text)
            if match and match.group(2).strip().lower() in scales:
                return float(match.group(1)) * scales[match.group(2).strip().lower()]
        return None

    size = number("ap_image_pixel_size", "ap_pixel_size", scales=_UM)
    return size, number("ap_mag", scales={"": 1.0, "x": 1.0, "k": 1e3, "k x": 1e3, "kx": 1e3})


def _ome(text: str | None) -> float | None:
    try:
        elements = list(ElementTree.fromstring(text).iter()) if text else []
    except ElementTree.ParseError:
        return None
    for element in elements:
        unit = _UM.get(element.get("PhysicalSizeXUnit", "µm").lower())
        if element.tag.rpartition("}")[2] == "Pixels" and element.get("PhysicalSizeX") and unit:
            return float(element.get("PhysicalSizeX", "nan")) * unit
    return None


def _resolution(page: Any, imagej: Mapping[str, Any] | None) -> float | None:
    if "XResolution" not in page.tags:
        return None
    above, below = page.tags["XResolution"].value
    unit = str((imagej or {}).get("unit", "")).replace("\\u00b5", "µ").replace("micron", "um").lower()
    if not above or not below:
        return None
    if unit in _UM:
        return float(_UM[unit] * below / above)
    kind = int(page.tags["ResolutionUnit"].value) if "ResolutionUnit" in page.tags else 2
    size = float({2: _UM["inch"], 3: _UM["cm"]}.get(kind, math.inf) * below / above)
    return size if size < COARSEST_UM else None


def _side_car(path: Path, width_px: int) -> tuple[float | None, float | None]:
    """What JEOL ("$CM_MAG 3000") and Hitachi ("PixelSize=9.92", in nm) write beside an image."""
    beside = side_car(path)
    if beside is None:
        return None, None
    raw = beside.read_bytes()[:100_000]
    text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1", errors="replace")
    told = dict(re.findall(r"^\$*(\w+)[ \t=]+(.+?)\s*$", text, re.MULTILINE))
    marker = re.match(r"([\d.]+)\s*(nm|um|.*m)$", told.get("SM_MICRON_MARKER", ""))
    bar, full = (
        _leading(told.get("SM_MICRON_BAR")),
        _leading(told.get("CM_FULL_SIZE") or told.get("DataSize")),
    )
    magnification = _leading(told.get("CM_MAG") or told.get("Magnification"))
    scale = full / width_px if full else 1.0
    if marker and bar:
        return float(marker.group(1)) * _UM.get(marker.group(2), 1.0) / bar * scale, magnification
    pixel_nm = _leading(told.get("PixelSize"))
    return (pixel_nm * 1e-3 * scale if pixel_nm else None), magnification


def _leading(text: str | None) -> float | None:
    match = re.match(r"\d+\.?\d*", text or "")
    return _positive(float(match.group())) if match else None


def _positive(value: Any) -> float | None:
    good = isinstance(value, int | float) and math.isfinite(value) and value > 0
    return float(value) if good else None


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
