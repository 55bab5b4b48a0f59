"""What is wanted of each descriptor."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator
from pydantic_core import InitErrorDetails

from campaigns.specification.faults import detail, error, nearest
from campaigns.specification.quantities import DIMENSIONLESS, Quantity, in_unit, percentage
from campaigns.specification.section import Section
from models.errors import UnusableInput
from models.values import Target

KINDS = ("value", "range", "at_least", "at_most", "like")
DEFAULT_TOLERANCE = 0.05

Relative = Annotated[str, WithJsonSchema({"type": "string", "pattern": r"^[0-9.]+ *%$"})]


def is_known(name: str) -> bool:
    """Whether some measure yields a descriptor of that name."""
    from models.morphology import known_descriptors

    return name in known_descriptors()


def check_descriptor(name: str) -> str:
    """The name, if some measure yields it. Errors: a fault that lists the known descriptors."""
    from models.morphology import known_descriptors

    known = known_descriptors()
    if name not in known:
        raise error(
            f"one of the known descriptors ({', '.join(known)})", name, got=f"{name!r}{nearest(name, known)}"
        )
    return name


def unit_of(descriptor: str) -> str:
    """Unit of a known descriptor; ``–`` for a pure number."""
    from models.morphology import known_descriptors

    return known_descriptors()[descriptor].unit or DIMENSIONLESS


class TargetSpec(Section):
    """One descriptor and one of ``value``, ``range``, ``at_least``, ``at_most`` or ``like`` (images).

    ``tolerance`` widens the wanted band on both sides: "5 %" of the wanted number (the default; of the
    smaller non-zero end of a range), or a number in the descriptor's unit. ``scale`` is the difference that
    counts as 1 in the objective, by default the tolerance. ``weight`` multiplies the descriptor's term.
    """

    descriptor: Annotated[str, Field(max_length=80)]
    value: Quantity | None = None
    range: Annotated[tuple[Quantity, Quantity] | None, Field(description="lowest and highest value")] = None
    at_least: Quantity | None = None
    at_most: Quantity | None = None
    like: Annotated[tuple[Path, ...], Field(strict=False)] | None = None
    weight: Annotated[float, Field(gt=0)] = 1.0
    scale: Quantity | None = None
    tolerance: Annotated[
        float | Relative,
        Field(description="'5 %' or a number in the descriptor's unit", validate_default=True),
    ] = "5 %"

    @field_validator("descriptor", mode="after")
    @classmethod
    def _descriptor(cls, name: str) -> str:
        return check_descriptor(name)

    @field_validator("value", "at_least", "at_most", mode="before")
    @classmethod
    def _wanted(cls, value: object, info: ValidationInfo) -> float | None:
        if value is None or "descriptor" not in info.data:
            return None
        return in_unit(value, unit_of(info.data["descriptor"]))

    @field_validator("range", mode="before")
    @classmethod
    def _range(cls, ends: object, info: ValidationInfo) -> tuple[float, float] | None:
        if ends is None or "descriptor" not in info.data:
            return None
        if not isinstance(ends, list | tuple) or len(ends) != 2:
            raise error("two numbers, [lowest, highest]", ends)
        low, high = (in_unit(end, unit_of(info.data["descriptor"])) for end in ends)
        if not low < high:
            raise error("the lower end before the upper one", list(ends))
        return low, high

    @field_validator("like", mode="before")
    @classmethod
    def _like(cls, images: object, info: ValidationInfo) -> tuple[Path, ...] | None:
        if images is None:
            return None
        if (
            not isinstance(images, list | tuple)
            or not all(isinstance(one, str | Path) for one in images)
            or not images
        ):
            raise error("a list of image files or folders", images)
        folder = (info.context or {}).get("folder")
        paths = tuple(Path(one) if folder is None else folder / one for one in images)
        missing = [str(path) for path in paths if folder is not None and not path.exists()]
        if missing:
            raise error("image files that exist", images, got=f"{missing[0]}, which does not")
        return paths

    @field_validator("scale", mode="before")
    @classmethod
    def _scale(cls, scale: object, info: ValidationInfo) -> float | None:
        if scale is None or "descriptor" not in info.data:
            return None
        number = in_unit(scale, unit_of(info.data["descriptor"]), difference=True)
        if number <= 0:
            raise error("a scale above 0", scale)
        return number

    @field_validator("tolerance", mode="before")
    @classmethod
    def _tolerance(cls, tolerance: object, info: ValidationInfo) -> float | str:
        relative = percentage(tolerance)
        if relative is not None:
            number = relative
        elif "descriptor" in info.data:
            number = in_unit(tolerance, unit_of(info.data["descriptor"]), difference=True)
        else:
            return 0.0
        if number < 0:
            raise error("a tolerance of 0 or more", tolerance)
        stated = [
            info.data[kind] for kind in ("value", "at_least", "at_most") if info.data.get(kind) is not None
        ]
        if number == 0 and (info.data.get("value") is not None or info.data.get("like")):
            raise error("a tolerance above 0: no measurement equals a number exactly", tolerance)
        if relative and 0 in stated:
            raise error("an absolute tolerance: a share of a target of 0 is nothing", tolerance)
        return number if relative is None else f"{100 * relative:g} %"

    @classmethod
    def crosscheck(cls, raw: Mapping[str, Any], info: ValidationInfo) -> Iterator[InitErrorDetails]:
        """Exactly one kind of target."""
        kinds = [kind for kind in KINDS if raw.get(kind) is not None]
        if len(kinds) != 1:
            yield detail(
                (), f"exactly one of {', '.join(KINDS)}", None, got=" and ".join(kinds) or "none of them"
            )

    @property
    def kind(self) -> Literal["value", "range", "at_least", "at_most", "like"]:
        """Which of the five ways it is stated in."""
        if self.range is not None:
            return "range"
        if self.at_least is not None:
            return "at_least"
        if self.at_most is not None:
            return "at_most"
        return "like" if self.like else "value"

    def target(self, reference: float | None = None) -> Target:
        """The target as a value type; ``reference`` is the descriptor measured on the images of ``like``.

        Errors: :class:`UnusableInput` for a ``like`` target without a finite reference.
        """
        kind, low, high = self._band(reference)
        ends = [abs(end) for end in (low, high) if math.isfinite(end) and end != 0]
        size = min(ends, default=0.0)
        share = percentage(self.tolerance)
        tolerance = self.tolerance if isinstance(self.tolerance, float) else (share or 0.0) * size
        scale = self.scale or tolerance or DEFAULT_TOLERANCE * size or 1.0
        return Target(self.descriptor, kind, low, high, self.weight, scale, tolerance)

    def _band(
        self, reference: float | None
    ) -> tuple[Literal["value", "range", "at_least", "at_most"], float, float]:
        if self.range is not None:
            return ("range", *self.range)
        if self.at_least is not None:
            return "at_least", self.at_least, math.inf
        if self.at_most is not None:
            return "at_most", -math.inf, self.at_most
        wanted = self.value if self.value is not None else reference
        if wanted is None or not math.isfinite(wanted):
            raise UnusableInput(
                f"The target of {self.descriptor} is 'like' images in which {self.descriptor} could not be "
                "measured; give other images, or a value."
            )
        return "value", wanted, wanted
