"""Pictures of what was segmented: outlines over the micrograph, and label images."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cli.drawing import write_atomically
from models.errors import UnusableInput
from models.micrographs import Micrograph
from models.morphology import FieldMeasurement, known_descriptors, measure_of
from models.morphology.standing import Standing, standings

Colour = tuple[int, int, int]
MEASURED, CUT, HIDDEN = (255, 176, 0), (86, 180, 233), (230, 60, 170)
"""Told apart with any colour vision: amber, sky blue, magenta."""
WIDE_PX = 600
"""From this side on outlines are two pixels wide, so that they survive being shown at half size."""
MOST_LABELS = np.iinfo(np.uint16).max


class Album:
    """A folder of pictures, one per page of an image, named after it; names that repeat are numbered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._used: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnusableInput(
                f"The folder {folder} cannot be made ({error.strerror}); choose another."
            ) from error

    def place(self, image: Path) -> Path:
        """Where the pictures of an image belong, without page number and suffix."""
        name, number = image.stem, 1
        while name in self._used:
            number += 1
            name = f"{image.stem}_{number}"
        self._used.add(name)
        return self.folder / name


def draw_overlay(path: Path, micrograph: Micrograph, field: FieldMeasurement) -> None:
    """Write the micrograph with what was segmented outlined on it, and the numbers below, as PNG.

    Measured particles are amber, those cut by the frame blue, partly hidden ones magenta; phases, grains and
    regions of texture, with their values, amber. The strip below holds a scale bar, the counts in their
    colours, and the descriptors.
    """
    labels = field.labels
    assert labels is not None
    low, high = np.percentile(micrograph.pixels, (0.5, 99.5))
    grey = np.clip((micrograph.pixels - low) / max(high - low, 1e-6), 0, 1)
    colours = np.repeat((grey * 255).astype(np.uint8)[..., None], 3, axis=2)
    palette = np.array([(0, 0, 0), *_colours(field)], np.uint8)
    outer = _outlines(labels)
    colours[outer > 0] = palette[outer[outer > 0]]
    height, width = labels.shape
    size = max(12, round(width / 64))
    picture = Image.new("RGB", (width, height + 4 * size))
    picture.paste(Image.fromarray(colours))
    if field.kind == "texture":
        _write_regions(picture, size, field)
    _caption(picture, height, size, micrograph.pixel_size_um, field)
    write_atomically(path, lambda file: picture.save(file, "PNG", compress_level=3))


def _write_regions(picture: Image.Image, size: int, field: FieldMeasurement) -> None:
    """The texture of each region in its middle."""
    labels = field.labels
    assert labels is not None
    draw, font = ImageDraw.Draw(picture), ImageFont.truetype(_font(), size)
    for number, value in enumerate(field.samples["texture"], start=1):
        y, x = (float(np.mean(places)) for places in np.nonzero(labels == number))
        text = f"{value:.2f}"
        draw.text((x, y), text, MEASURED, font, anchor="mm", stroke_width=2, stroke_fill=(0, 0, 0))


def _colours(field: FieldMeasurement) -> list[Colour]:
    """The colour of each label of a field."""
    labels = field.labels
    assert labels is not None
    if field.kind != "particles":
        return [MEASURED] * int(labels.max(initial=0))
    known = {Standing.WHOLE: MEASURED, Standing.CUT: CUT, Standing.HIDDEN: HIDDEN}
    return [known[Standing(one)] for one in standings(labels)]


def _outlines(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """The label on the inner edge of each label, 0 elsewhere; neighbours keep outlines of their own."""
    edge = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        here, there = np.moveaxis(edge, axis, 0), np.moveaxis(labels, axis, 0)
        step = there[1:] != there[:-1]
        here[1:] |= step
        here[:-1] |= step
    if min(labels.shape) < WIDE_PX:
        # One pixel wide between neighbours: only the side of the larger label.
        edge[:-1] &= ~((labels[:-1] < labels[1:]) & (labels[:-1] > 0))
        edge[:, :-1] &= ~((labels[:, :-1] < labels[:, 1:]) & (labels[:, :-1] > 0))
    return np.where(edge, labels, 0)


def _caption(picture: Image.Image, top: int, size: int, pixel_um: float, field: FieldMeasurement) -> None:
    draw = ImageDraw.Draw(picture)
    font = ImageFont.truetype(_font(), size)
    length_um = _round_length(picture.width * pixel_um / 5)
    bar, middle = length_um / pixel_um, top + round(1.1 * size)
    draw.rectangle((size, middle - size // 4, size + bar, middle), (255, 255, 255))
    x = round(size * 1.6 + bar)
    x = _write(draw, (x, top + size // 2), f"{length_um:g} µm", (255, 255, 255), font)
    for text, colour in _counts(field):
        x = _write(draw, (x + size, top + size // 2), text, colour, font)
    values = measure_of(field.kind).pool([field])
    known = known_descriptors()
    told = [
        f"{name.removesuffix('_um')} {value:.3g} {known[name].unit}".strip()
        for name, value in values.items()
        if np.isfinite(value) and "_volume" not in name
    ]
    line = ""
    for one in told:
        if draw.textlength(f"{line}   {one}", font) > picture.width - 2 * size:
            break
        line = f"{line}   {one}".strip()
    _write(draw, (size, top + round(2.3 * size)), line, (255, 255, 255), font)


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    colour: Colour,
    font: ImageFont.FreeTypeFont,
) -> int:
    """Write a text, and tell where it ends."""
    draw.text(place, text, colour, font)
    return round(place[0] + draw.textlength(text, font))


@cache
def _font() -> Path:
    """A font that has the micro sign, which Pillow's own has not: the one that matplotlib brings."""
    found = find_spec("matplotlib")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"


def _counts(field: FieldMeasurement) -> list[tuple[str, Colour]]:
    labels = field.labels
    assert labels is not None
    if field.kind != "particles":
        return [(f"{field.kind}", MEASURED)]
    standing = standings(labels)
    return [
        (f"{field.n} measured", MEASURED),
        (f"{int((standing == Standing.CUT).sum())} cut by the frame", CUT),
        (f"{int((standing == Standing.HIDDEN).sum())} partly hidden", HIDDEN),
    ]


def _round_length(most_um: float) -> float:
    """The largest of 1, 2, 5 × 10ⁿ µm that is not longer than ``most_um``."""
    power = 10.0 ** np.floor(np.log10(most_um))
    return float(next(step * power for step in (5, 2, 1) if step * power <= most_um * (1 + 1e-9)))


def write_labels(path: Path, labels: NDArray[np.int32]) -> None:
    """Write labels as a 16-bit TIFF (0 = background), of the size of the field without its bar."""
    if int(labels.max(initial=0)) > MOST_LABELS:
        raise UnusableInput(
            f"{path.name} would hold {labels.max()} particles; 16 bits count to {MOST_LABELS}."
        )
    pixels = labels.astype(np.uint16)
    write_atomically(
        path, lambda file: tifffile.imwrite(file, pixels, photometric="minisblack", metadata=None)
    )
