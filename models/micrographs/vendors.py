"""Headers that microscopes write into their TIFF files: FEI and Thermo Fisher, Zeiss, Tescan, Olympus."""

import re
from collections.abc import Mapping
from typing import Any

import tifffile

UM_PER_UNIT = {
    "m": 1e6,
    "cm": 1e4,
    "mm": 1e3,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "\\u00b5m": 1.0,
    "nm": 1e-3,
    "pm": 1e-6,
    "inch": 25400.0,
}
TESCAN_TAG = 50431
ZEISS_WIDTH_PX = 1024
"""Zeiss gives its unnamed pixel size for an image of this width."""

Told = tuple[float | None, float | None]
"""Pixel size in µm and magnification, None where the header is silent."""


def vendor_scale(tiff: tifffile.TiffFile) -> Told:
    """Pixel size in µm and magnification from the header of the microscope's vendor; None where silent."""
    page = tiff.pages.first
    size, magnification = None, None
    for told in (
        _fei(tiff.fei_metadata),
        _zeiss(tiff.sem_metadata, page.imagewidth),
        _tescan(page.tags[TESCAN_TAG].value if TESCAN_TAG in page.tags else None),
        _olympus(tiff.sis_metadata),
    ):
        size = size if size is not None else told[0]
        magnification = magnification if magnification is not None else told[1]
    return size, magnification


def ini_scale(text: str) -> Told:
    """Scale in Tescan's header, lines like ``PixelSizeX=3.3e-08`` (m) and ``Magnification=3000``."""
    told = dict(re.findall(r"^\s*(PixelSizeX|Magnification)\s*=\s*([\d.eE+-]+)\s*$", text, re.MULTILINE))
    size, magnification = (_positive(told.get(key)) for key in ("PixelSizeX", "Magnification"))
    return size * UM_PER_UNIT["m"] if size else None, magnification


def _fei(metadata: Mapping[str, Any] | None) -> Told:
    known = metadata or {}
    for section in ("EScan", "Scan", "IScan"):
        width = _positive(known.get(section, {}).get("PixelWidth"))
        if width:
            return width * UM_PER_UNIT["m"], None
    # Older files give the width of the field instead.
    columns = _positive(known.get("Image", {}).get("ResolutionX"))
    for section in ("EBeam", "IBeam", "IRBeam"):
        field = _positive(known.get(section, {}).get("HFW"))
        if field and columns:
            return field / columns * UM_PER_UNIT["m"], None
    return None, None


def _zeiss(metadata: Mapping[str, Any] | None, width_px: int) -> Told:
    known = metadata or {}

    def quantity(*names: str) -> tuple[float, str] | None:
        for name in names:
            entry = known.get(name)
            if isinstance(entry, tuple) and len(entry) >= 2:
                match = re.match(r"([\d.eE+-]+)\s*(.*)", " ".join(str(part) for part in entry[1:]))
                if match:
                    return float(match.group(1)), match.group(2).strip().lower()
        return None

    size = quantity("ap_image_pixel_size", "ap_pixel_size")
    magnification = quantity("ap_mag")
    pixel = size[0] * UM_PER_UNIT[size[1]] if size and size[1] in UM_PER_UNIT else None
    unnamed = known.get("", ())
    if pixel is None and len(unnamed) > 3 and _positive(unnamed[3]):
        pixel = float(unnamed[3]) * UM_PER_UNIT["m"] * ZEISS_WIDTH_PX / width_px
    times = 1000 if magnification and magnification[1].startswith("k") else 1
    return pixel, magnification[0] * times if magnification else None


def _tescan(header: object) -> Told:
    if isinstance(header, bytes):
        return ini_scale(header.decode("latin-1").replace("\r", "\n"))
    return ini_scale(header.replace("\r", "\n")) if isinstance(header, str) else (None, None)


def _olympus(metadata: Mapping[str, Any] | None) -> Told:
    size = _positive((metadata or {}).get("pixelsizex"))
    return size * UM_PER_UNIT["m"] if size else None, _positive((metadata or {}).get("magnification"))


def _positive(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if 0 < number < float("inf") else None
