"""Segmenters by name: a micrograph in, instance labels out."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from models.errors import UnusableInput
from models.morphology.measures import Image, Labels


class Segmenter(Protocol):
    """Finds the particles of a field."""

    def segment(self, pixels: Image) -> Labels:
        """Labels (H, W), 0 = background, 1…n particles, of ``pixels`` (H, W) in [0, 1]."""
        ...


def _classical(checkpoint: Path | None) -> Segmenter:
    from models.morphology.classical import ClassicalSegmenter

    return ClassicalSegmenter()


def _sam(checkpoint: Path | None) -> Segmenter:
    from models.morphology.sam import SamSegmenter

    return SamSegmenter(checkpoint)


_FACTORIES: dict[str, Callable[[Path | None], Segmenter]] = {"classical": _classical, "sam": _sam}


def register_segmenter(name: str, factory: Callable[[Path | None], Segmenter]) -> None:
    """Make a segmenter available by name; ``factory`` gets the checkpoint file, or None."""
    _FACTORIES[name] = factory


def segmenter_names() -> tuple[str, ...]:
    """The names that ``segmenter`` accepts."""
    return tuple(_FACTORIES)


def segmenter(name: str = "classical", checkpoint: Path | None = None) -> Segmenter:
    """The segmenter of that name. Errors: :class:`UnusableInput` naming the segmenters there are."""
    if name not in _FACTORIES:
        raise UnusableInput(f"There is no segmenter {name!r}; choose one of {', '.join(_FACTORIES)}.")
    return _FACTORIES[name](checkpoint)
