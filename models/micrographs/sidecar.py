"""Side-car text files that JEOL, Hitachi and Tescan microscopes write beside an image."""

import re
from pathlib import Path

from models.micrographs.vendors import ini_scale

_UNIT_UM = {"nm": 1e-3, "um": 1.0, "µm": 1.0, "μm": 1.0, "mm": 1e3}


def sidecar_scale(image: Path, width_px: int) -> tuple[float | None, float | None]:
    """Pixel size in µm and magnification from the text file of the image's name; None where it is silent.

    ``width_px`` is the width of the image: the numbers are of the full scan, and scale with it.
    """
    text = _text(image)
    if text is None:
        return None, None
    # JEOL writes "$CM_MAG 3000", "$$SM_MICRON_BAR 126", "$$SM_MICRON_MARKER 1um".
    jeol = dict(re.findall(r"^\$+(\w+)[ \t]+(.+?)\s*$", text, re.MULTILINE))
    if "SM_MICRON_BAR" in jeol and "SM_MICRON_MARKER" in jeol:
        marker = re.match(r"([\d.]+)\s*(\S+)", jeol["SM_MICRON_MARKER"])
        bar = _number(jeol["SM_MICRON_BAR"])
        if marker and bar and marker.group(2).lower() in _UNIT_UM:
            size = float(marker.group(1)) * _UNIT_UM[marker.group(2).lower()] / bar
            full = _number(jeol.get("CM_FULL_SIZE"))
            return size * (full / width_px if full else 1.0), _number(jeol.get("CM_MAG"))
    # Hitachi writes "PixelSize=9.921875" in nm, "Magnification=5000", "DataSize=1280x960".
    hitachi = dict(re.findall(r"^(\w+)\s*=\s*(.+?)\s*$", text, re.MULTILINE))
    pixel = _number(hitachi.get("PixelSize"))
    if pixel:
        full = _number(hitachi.get("DataSize"))
        return pixel * 1e-3 * (full / width_px if full else 1.0), _number(hitachi.get("Magnification"))
    return ini_scale(text)


def _number(text: str | None) -> float | None:
    match = re.match(r"[\d.]+", text or "")
    try:
        return float(match.group()) if match else None
    except ValueError:
        return None


def _text(image: Path) -> str | None:
    beside = (image.with_suffix(suffix) for suffix in (".txt", ".TXT", ".hdr"))
    # Tescan writes "field-tif.hdr" beside "field.tif".
    tescan = image.with_name(f"{image.stem}-{image.suffix[1:]}.hdr")
    for name in (*beside, Path(f"{image}.txt"), tescan):
        try:
            raw = name.read_bytes()[:100_000]
        except OSError:
            continue
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return raw.decode("utf-16", errors="replace")
        return (
            raw.decode("utf-8", errors="replace")
            if b"\xc2\xb5" in raw
            else raw.decode("cp1252", errors="replace")
        )
    return None
