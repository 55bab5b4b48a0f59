"""What an image has to pass before it is measured: whole, at its magnification, fit, and a new field."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from campaigns.ledger import Micrograph
from campaigns.specification import View
from models.errors import UnusableInput
from models.micrographs import open_image, read
from models.micrographs.quality import Image, fingerprint, seen_before, unfit

SCALE_TOLERANCE = 0.02


@dataclass
class Gate:
    """Judges the fields of one view one after the other, by themselves and against those that passed."""

    magnification: float
    pixel_size_um: float | None = None
    numbers: list[int] = field(default_factory=list)
    prints: list[Image] = field(default_factory=list)

    @classmethod
    def behind(cls, view: View, passed: Sequence[Micrograph]) -> Self:
        """The gate after the fields that have passed it before."""
        gate = cls(float(view.magnification))
        for one in passed:
            gate._let_in(one.field, one.pixel_size_um, fingerprint(read(one.path)[0].pixels))
        return gate

    def judge(self, path: Path, number: int) -> tuple[str | None, float]:
        """Why the image of field ``number`` is rejected (None: it passes), and its pixel size in µm.

        The size is 0 where the file does not tell it. Errors: :class:`UnusableInput` for a whole file without
        a pixel size: that is the microscope's setting, and no further field would be better.
        """
        try:
            pages = read(path)
        except UnusableInput as error:
            if _whole(path):
                raise
            return f"corrupt: {str(error).replace(str(path), path.name)}", 0.0
        page = pages[0]
        if len(pages) != 1:
            return f"{len(pages)} pages instead of one field of view", page.pixel_size_um
        told = page.magnification
        if told is not None and not _same(told, self.magnification):
            return f"wrong magnification: {told:g}× instead of {self.magnification:g}×", page.pixel_size_um
        if self.pixel_size_um is not None and not _same(page.pixel_size_um, self.pixel_size_um):
            sizes = f"{page.pixel_size_um:.4g} µm instead of {self.pixel_size_um:.4g} µm"
            return f"wrong magnification: its pixels are {sizes} as in the fields before", page.pixel_size_um
        reason = unfit(page.pixels)
        if reason is not None:
            return reason, page.pixel_size_um
        mark = fingerprint(page.pixels)
        twin = seen_before(mark, self.prints)
        if twin is not None:
            return f"the same scene as field {self.numbers[twin]}", page.pixel_size_um
        self._let_in(number, page.pixel_size_um, mark)
        return None, page.pixel_size_um

    def _let_in(self, number: int, pixel_size_um: float, mark: Image) -> None:
        self.pixel_size_um = self.pixel_size_um or pixel_size_um
        self.numbers.append(number)
        self.prints.append(mark)


def _whole(path: Path) -> bool:
    try:
        open_image(path)
    except UnusableInput:
        return False
    return True


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SCALE_TOLERANCE * other
