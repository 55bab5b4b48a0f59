"""How a sample is looked at: magnifications, fields of view, and how sure the loop has to be."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails

from campaigns.specification.faults import detail, error
from campaigns.specification.quantities import Quantity, in_unit
from campaigns.specification.section import Section
from campaigns.specification.targets import check_descriptor
from models.morphology.segmenters import DEFAULT, segmenter_names

LEAST_FIELDS = 2
"""An interval over fields of view takes two of them."""


class FieldRange(Section):
    """How many fields of view to take at one magnification: ``min`` at once, then more up to ``max``."""

    min: Annotated[int, Field(ge=LEAST_FIELDS, le=1000)] = 4
    max: Annotated[int, Field(ge=LEAST_FIELDS, le=1000)] = 12

    @classmethod
    def crosscheck(cls, raw: Mapping[str, Any], info: ValidationInfo) -> Iterator[InitErrorDetails]:
        """``min`` does not exceed ``max``."""
        least, most = raw.get("min", 4), raw.get("max", 12)
        if isinstance(least, int) and isinstance(most, int) and least > most:
            yield detail(("max",), f"at least as many fields as min ({least})", most)


class View(Section):
    """One magnification, the descriptors that are measured at it, and its fields of view.

    ``segmenter`` finds the particles, ``checkpoint`` (a file, relative to the campaign's) is what Segment
    Anything needs, or weights of one's own for the learned one.
    """

    magnification: Annotated[int, Field(gt=0, le=10_000_000)]
    descriptors: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    fields: FieldRange = FieldRange()
    segmenter: str = DEFAULT
    checkpoint: Path | None = None

    @field_validator("segmenter", mode="before")
    @classmethod
    def _segmenter(cls, name: object) -> object:
        if name not in segmenter_names():
            raise error(f"one of {', '.join(segmenter_names())}", name)
        return name

    @field_validator("checkpoint", mode="before")
    @classmethod
    def _checkpoint(cls, name: object, info: ValidationInfo) -> object:
        if name is None:
            return None
        folder = (info.context or {}).get("folder")
        path = Path(str(name)) if folder is None else folder / str(name)
        if folder is not None and not path.is_file():
            raise error("the path of a file with weights, relative to the campaign file", name)
        return path

    @field_validator("descriptors", mode="before")
    @classmethod
    def _descriptors(cls, names: object) -> object:
        for name in names if isinstance(names, list | tuple) else ():
            if isinstance(name, str):
                check_descriptor(name)
        return names

    @classmethod
    def crosscheck(cls, raw: Mapping[str, Any], info: ValidationInfo) -> Iterator[InitErrorDetails]:
        """Segment Anything comes with its checkpoint."""
        if raw.get("segmenter") == "sam" and raw.get("checkpoint") is None:
            yield detail(("checkpoint",), "the file with the weights of Segment Anything", None)


class Imaging(Section):
    """The views, the confidence of all intervals, and the representativity asked.

    ``target_error`` is the half width, relative to the value, at which an interval is narrow enough.
    """

    views: Annotated[tuple[View, ...], Field(strict=False, min_length=1)]
    confidence: Quantity = 0.95
    target_error: Quantity = 0.05

    @field_validator("confidence", mode="before")
    @classmethod
    def _confidence(cls, value: object) -> float:
        number = in_unit(value, "")
        if not 0.5 <= number < 1:
            raise error("a confidence from 0.5 up to, but not including, 1", value)
        return number

    @field_validator("target_error", mode="before")
    @classmethod
    def _target_error(cls, value: object) -> float:
        number = in_unit(value, "")
        if not 0 < number < 1:
            raise error("a relative error between 0 and 1, such as 5 %", value)
        return number

    @classmethod
    def crosscheck(cls, raw: Mapping[str, Any], info: ValidationInfo) -> Iterator[InitErrorDetails]:
        """Each magnification and each descriptor appears once."""
        seen: dict[object, int] = {}
        views = raw.get("views")
        for index, view in enumerate(views if isinstance(views, list) else ()):
            if not isinstance(view, dict):
                continue
            magnification, names = view.get("magnification"), view.get("descriptors")
            keys: list[tuple[str, object]] = (
                [("magnification", magnification)] if isinstance(magnification, int) else []
            )
            keys += (
                [("descriptors", name) for name in names if isinstance(name, str)]
                if isinstance(names, list)
                else []
            )
            for key, name in keys:
                if name in seen:
                    expected = (
                        f"each of the {'magnifications' if key == 'magnification' else 'descriptors'} once"
                    )
                    yield detail(
                        ("views", index, key),
                        expected,
                        name,
                        got=f"{name} again (first in views[{seen[name]}])",
                    )
                seen.setdefault(name, index)
