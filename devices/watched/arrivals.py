"""Which file of a watched folder is the next field: new, at rest, whole, and plausible."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from devices.errors import LabError
from devices.watched.intake import Intake, Signature
from devices.watched.reading import NotAnImage, read_dropped, side_car

PLAUSIBLE_WIDTH_MM = (50.0, 1000.0)
"""How wide a field may be displayed: pixel size × pixels × magnification, from a print to a large screen."""


@dataclass(frozen=True)
class FolderRules:
    """What counts as an image of the microscope.

    ``pattern`` is a glob. A file is at rest when nothing changed for ``settle_s``. ``magnification``:
    "metadata" wants every file to say it, "asked" believes the request where a file is silent.
    ``display_width_mm`` is the width that the microscope's magnification refers to; with it a file need not
    say its pixel size.
    """

    folder: Path
    pattern: str = "*.tif"
    settle_s: float = 3.0
    magnification: Literal["metadata", "asked"] = "metadata"
    display_width_mm: float | None = None


@dataclass(frozen=True)
class Arrival:
    """An image that can be taken in."""

    path: Path
    signature: Signature
    sha256: str
    pixels: NDArray[Any]
    pixel_size_um: float


class Arrivals:
    """Looks at the folder, again and again; ``tell`` is told once of each file that is refused, and why."""

    def __init__(self, rules: FolderRules, intake: Intake, tell: Callable[[str], object]) -> None:
        self._rules, self._intake, self._tell = rules, intake, tell
        self._resting: dict[str, tuple[Signature, float]] = {}
        self._refused: dict[str, tuple[Signature, float, str]] = {}

    def files(self) -> dict[str, Signature]:
        """What matches the pattern now. Errors: :class:`LabError` when the folder cannot be read."""
        rules = self._rules
        found: dict[str, Signature] = {}
        try:
            if not rules.folder.is_dir():
                raise NotADirectoryError(20, "it is no folder")
            for path in rules.folder.glob(rules.pattern):
                if path.name.startswith((".", "~")):
                    continue
                try:
                    if path.is_file():
                        found[path.name] = _signature(path)
                except FileNotFoundError:  # renamed at this very moment
                    continue
        except OSError as error:
            raise LabError(
                f"The watched folder {rules.folder} cannot be read ({error.strerror or error}); "
                "connect it, or mend `folder` in the lab file."
            ) from error
        return found

    def next(self, magnification: float, before: Mapping[str, Signature]) -> Arrival | None:
        """The oldest new file that is at rest and whole, or None. Errors: :class:`LabError`."""
        now = time.monotonic()
        files = self.files()
        new = {
            name: signature
            for name, signature in files.items()
            if before.get(name) != signature and not self._intake.known(name, signature)
        }
        for name in sorted(new, key=lambda one: (new[one].written_ns, one)):
            signature = new[name]
            known = self._resting.get(name)
            if known is None or known[0] != signature:
                self._resting[name] = (signature, now)
                self._tell(f"{name} is arriving ({signature.size} bytes so far)")
                continue
            if now - known[1] < self._rules.settle_s or self._is_refused(name, signature, magnification):
                continue
            try:
                arrival = self._examined(self._rules.folder / name, signature, magnification)
            except NotAnImage as refusal:
                self._refused[name] = (signature, magnification, str(refusal))
                self._tell(f"{name} is not taken: {refusal}")
                continue
            if arrival is not None:
                return arrival
        return None

    def refusals(self) -> str:
        """Every file that was refused and why, in one clause; empty when none was."""
        return "; ".join(f"{name}: {reason}" for name, (_, _, reason) in sorted(self._refused.items()))

    def _is_refused(self, name: str, signature: Signature, magnification: float) -> bool:
        refused = self._refused.get(name)
        # A file that went on growing, or is asked for at another magnification, is looked at anew.
        return refused is not None and refused[:2] == (signature, magnification)

    def known(self, name: str, sha256: str, magnification: float) -> Arrival | None:
        """A file that was taken in before, if it still has the same content."""
        path = self._rules.folder / name
        try:
            signature = _signature(path)
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() == sha256:
                return self._accepted(path, signature, content, sha256, magnification)
        except (OSError, NotAnImage):
            pass
        return None

    def _examined(self, path: Path, signature: Signature, magnification: float) -> Arrival | None:
        """The image, or None if it changed while it was read. Errors: :class:`NotAnImage`."""
        try:
            content = path.read_bytes()
            if _signature(path) != signature or len(content) != signature.size:
                return None
        except OSError as error:
            raise NotAnImage(f"it cannot be read ({error.strerror or error})") from error
        digest = hashlib.sha256(content).hexdigest()
        same = self._intake.same_content(digest)
        if same is not None:
            raise NotAnImage(
                f"it has the same content as {same.name}, which is field {same.field} of {same.key} already"
            )
        return self._accepted(path, signature, content, digest, magnification)

    def _accepted(
        self, path: Path, signature: Signature, content: bytes, sha256: str, magnification: float
    ) -> Arrival:
        dropped = read_dropped(content, path)
        size = self._pixel_size_um(
            dropped.pixel_size_um, dropped.magnification, magnification, dropped.pixels
        )
        return Arrival(path, signature, sha256, dropped.pixels, size)

    def _pixel_size_um(
        self, size_um: float | None, told: float | None, asked: float, pixels: NDArray[Any]
    ) -> float:
        """The pixel size, if it and the magnification are plausible. Errors: :class:`NotAnImage`."""
        width = pixels.shape[1]
        display_mm = self._rules.display_width_mm
        if told is None and self._rules.magnification == "metadata":
            raise NotAnImage(f"it does not say its magnification, and {asked:g}× is asked for")
        if told is not None and abs(told / asked - 1) > 0.05:
            raise NotAnImage(f"it was taken at {told:g}×, and {asked:g}× is asked for")
        if size_um is None:
            if display_mm is None:
                raise NotAnImage("it does not say its pixel size, and the lab file gives no display_width_mm")
            size_um = 1e3 * display_mm / asked / width
        shown_mm = size_um * width * asked / 1e3
        low, high = PLAUSIBLE_WIDTH_MM if display_mm is None else (0.9 * display_mm, 1.1 * display_mm)
        if not low <= shown_mm <= high:
            raise NotAnImage(
                f"its pixel size of {size_um:.4g} µm does not go with {asked:g}×: the field would be shown "
                f"{shown_mm:.3g} mm wide, and {low:g} to {high:g} mm is plausible"
            )
        return size_um


def _signature(path: Path) -> Signature:
    stat = path.stat()
    beside = side_car(path)
    return Signature(stat.st_size, stat.st_mtime_ns, beside.stat().st_mtime_ns if beside else 0)
