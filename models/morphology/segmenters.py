"""Segmenters by name: a micrograph in, instance labels out."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

from models.errors import UnusableInput
from models.morphology.measures import Image, Labels


class Segmenter(Protocol):
    """Finds the particles of a field."""

    def segment(self, pixels: Image) -> Labels:
        """Labels (H, W), 0 = background, 1…n particles, of ``pixels`` (H, W) in [0, 1]."""
        ...


@runtime_checkable
class BatchSegmenter(Segmenter, Protocol):
    """A segmenter that is faster with many fields of one size at a time."""

    def segment_many(self, pixels: Image) -> list[Labels]:
        """Labels (H, W) of each of ``pixels`` (N, H, W) in [0, 1], as ``segment`` gives them."""
        ...


def segment_all(chosen: Segmenter, pixels: Image) -> list[Labels]:
    """Labels (H, W) of each of ``pixels`` (N, H, W) in [0, 1], many at a time where ``chosen`` can."""
    if isinstance(chosen, BatchSegmenter):
        return chosen.segment_many(pixels)
    return [chosen.segment(one) for one in pixels]


def _classical(checkpoint: Path | None) -> Segmenter:
    from models.morphology.classical import ClassicalSegmenter

    return ClassicalSegmenter()


def _sam(checkpoint: Path | None) -> Segmenter:
    from models.morphology.sam import SamSegmenter

    return SamSegmenter(checkpoint)


def _learned(checkpoint: Path | None) -> Segmenter:
    from models.morphology.learned.segmenter import LearnedSegmenter

    return LearnedSegmenter(checkpoint)


DEFAULT = "learned"
"""What is used where none is named; the shipped generator is calibrated with it."""
_FACTORIES: dict[str, Callable[[Path | None], Segmenter]] = {
    "classical": _classical,
    "learned": _learned,
    "sam": _sam,
}


def register_segmenter(name: str, factory: Callable[[Path | None], Segmenter]) -> None:
    """Make a segmenter available by name; ``factory`` gets the checkpoint file, or None."""
    _FACTORIES[name] = factory


def segmenter_names() -> tuple[str, ...]:
    """The names that ``segmenter`` accepts."""
    return tuple(_FACTORIES)


def segmenter(name: str = DEFAULT, checkpoint: Path | None = None) -> Segmenter:
    """The segmenter of that name; ``checkpoint``: weights of one's own (learned), or those it needs (sam).

    Errors: :class:`UnusableInput` naming the segmenters there are, or for weights that cannot be used.
    """
    if name not in _FACTORIES:
        raise UnusableInput(f"There is no segmenter {name!r}; choose one of {', '.join(_FACTORIES)}.")
    return _FACTORIES[name](checkpoint)
