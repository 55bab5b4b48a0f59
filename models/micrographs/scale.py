"""What a file says of its scale: pixel size, magnification, height of the information bar."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import tifffile

from models.micrographs.sidecar import sidecar_scale
from models.micrographs.vendors import UM_PER_UNIT, vendor_scale

COARSEST_UM = 10.0
"""A resolution tag coarser than this is for printing (2540 dpi is 10 µm), not of the specimen."""


@dataclass(frozen=True)
class Scale:
    """Pixel size in µm, magnification and rows of the information bar, each None where the file is silent."""

    pixel_size_um: float | None = None
    magnification: float | None = None
    bar_rows: int | None = None

    def or_else(self, other: "Scale") -> "Scale":
        """This scale, its gaps filled from ``other``."""
        return Scale(
            self.pixel_size_um if self.pixel_size_um is not None else other.pixel_size_um,
            self.magnification if self.magnification is not None else other.magnification,
            self.bar_rows if self.bar_rows is not None else other.bar_rows,
        )


def tiff_scale(tiff: tifffile.TiffFile, path: Path) -> Scale:
    """Scale of a TIFF: own description, OME, vendor's header, side-car file, ImageJ, resolution, in order."""
    page = tiff.pages.first
    found = Scale()
    for source in (
        _own_description(page.description),
        _ome(tiff.ome_metadata),
        Scale(*vendor_scale(tiff)),
        Scale(*sidecar_scale(path, page.imagewidth)),
        _resolution(tiff),
    ):
        found = found.or_else(source)
    return _sound(found)


def picture_scale(dpi: tuple[float, float] | None, path: Path, width: int) -> Scale:
    """Scale of a PNG or JPEG: a side-car file, else its resolution in dots per inch."""
    found = Scale(*sidecar_scale(path, width))
    if dpi and dpi[0] and float(dpi[0]) > 0:
        found = found.or_else(_if_of_specimen(UM_PER_UNIT["inch"] / float(dpi[0])))
    return _sound(found)


def _sound(scale: Scale) -> Scale:
    size = scale.pixel_size_um
    return scale if size is None or 0 < size < 1e4 else replace(scale, pixel_size_um=None)


def _if_of_specimen(pixel_size_um: float) -> Scale:
    return Scale(pixel_size_um if 0 < pixel_size_um < COARSEST_UM else None)


def _own_description(text: str) -> Scale:
    try:
        told = json.loads(text)
    except ValueError:
        return Scale()
    if not isinstance(told, dict):
        return Scale()
    size, magnification, bar = (
        told.get(key) for key in ("pixel_size_um", "magnification", "information_bar_rows")
    )
    return Scale(
        float(size) if isinstance(size, int | float) else None,
        float(magnification) if isinstance(magnification, int | float) else None,
        bar if isinstance(bar, int) and bar >= 0 else None,
    )


def _ome(text: str | None) -> Scale:
    if not text:
        return Scale()
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return Scale()
    for element in root.iter():
        if element.tag.endswith("}Pixels") or element.tag == "Pixels":
            size = element.get("PhysicalSizeX")
            unit = UM_PER_UNIT.get(element.get("PhysicalSizeXUnit", "µm").lower())
            if size and unit:
                return Scale(float(size) * unit)
    return Scale()


def _resolution(tiff: tifffile.TiffFile) -> Scale:
    tags = tiff.pages.first.tags
    if "XResolution" not in tags:
        return Scale()
    above, below = tags["XResolution"].value
    if not above or not below:
        return Scale()
    per_unit = above / below
    unit = str((tiff.imagej_metadata or {}).get("unit", "")).lower()
    if unit in UM_PER_UNIT:
        return Scale(UM_PER_UNIT[unit] / per_unit)
    kind = int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 2
    um = {2: UM_PER_UNIT["inch"], 3: UM_PER_UNIT["cm"]}.get(kind)
    return _if_of_specimen(um / per_unit) if um else Scale()
