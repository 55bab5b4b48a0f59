"""What an image has to pass before it is measured: whole, at its magnification, fit, and a new field."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median_high

from campaigns.ledger import Micrograph
from campaigns.specification import View
from models.errors import UnusableInput
from models.micrographs import open_image, read
from models.micrographs.quality import Image, assess, detail, fingerprint, seen_before, softer, unfit

SCALE_TOLERANCE = 0.02


@dataclass(frozen=True)
class Judged:
    """What the gate says of one file: why it is rejected (empty: it passes), and its pixel size in µm.

    The size is 0 where the file does not tell it. ``detail`` and ``mark`` are there if the file is one field.
    """

    reason: str
    pixel_size_um: float
    detail: float = math.nan
    mark: Image | None = None


class Gate:
    """Judges the fields of one view by themselves, against each other, and against those that passed."""

    def __init__(self, view: View, passed: Sequence[Micrograph]) -> None:
        self._magnification = float(view.magnification)
        self._pixel_size_um = passed[0].pixel_size_um if passed else None
        self._details: list[float] = []
        self._numbers: list[int] = []
        self._marks: list[Image] = []
        for one in passed:
            pixels = read(one.path)[0].pixels
            self._let_in(one.field, detail(pixels), fingerprint(pixels))

    def judge(self, paths: Sequence[Path], first: int) -> list[Judged]:
        """Judge the files of the fields from number ``first`` on.

        Errors: :class:`UnusableInput` for a whole file without a pixel size: that is how the microscope is
        set, and no further field would be better.
        """
        looked = [self._look(path) for path in paths]
        sound = [one for one in looked if not one.reason]
        together = [*self._details, *(one.detail for one in sound)]
        if self._pixel_size_um is None and sound:
            self._pixel_size_um = median_high([one.pixel_size_um for one in sound])
        return [
            replace(one, reason=one.reason or self._compared(one, together, number) or "")
            for number, one in enumerate(looked, start=first)
        ]

    def _look(self, path: Path) -> Judged:
        try:
            pages = read(path)
        except UnusableInput as error:
            if _whole(path):
                raise
            return Judged(f"corrupt: {str(error).replace(str(path), path.name)}", 0.0)
        page = pages[0]
        size = page.pixel_size_um
        if len(pages) != 1:
            return Judged(f"{len(pages)} pages instead of one field of view", size)
        told = page.magnification
        if told is not None and not _same(told, self._magnification):
            return Judged(f"wrong magnification: {told:g}× instead of {self._magnification:g}×", size)
        found = assess(page.pixels)
        return Judged(unfit(found) or "", size, found.detail, fingerprint(page.pixels))

    def _compared(self, one: Judged, details: Sequence[float], number: int) -> str | None:
        assert one.mark is not None
        assert self._pixel_size_um is not None
        if not _same(one.pixel_size_um, self._pixel_size_um):
            sizes = f"{one.pixel_size_um:.4g} µm and not {self._pixel_size_um:.4g} µm as in the other fields"
            return f"wrong magnification: its pixels are {sizes}"
        soft = softer(one.detail, details)
        if soft is not None:
            return soft
        twin = seen_before(one.mark, self._marks)
        if twin is not None:
            return f"the same scene as field {self._numbers[twin]}"
        self._let_in(number, one.detail, one.mark)
        return None

    def _let_in(self, number: int, found: float, mark: Image) -> None:
        self._details.append(found)
        self._numbers.append(number)
        self._marks.append(mark)


def _whole(path: Path) -> bool:
    try:
        open_image(path)
    except UnusableInput:
        return False
    return True


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SCALE_TOLERANCE * other
