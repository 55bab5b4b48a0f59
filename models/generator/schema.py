"""What a generator was trained on: parameters with ranges, magnifications, and what each of them shows."""

import math
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.errors import UnusableInput
from models.values import Conditions

TIME_UNIT = "min"


class ParameterRange(BaseModel):
    """One process parameter: the range (in ``unit``) or the categories that training covered.

    A parameter with ``low == high`` and no categories was fixed in training.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    categories: tuple[str, ...] = ()

    @property
    def varies(self) -> bool:
        """Whether training saw more than one value of it."""
        return len(self.categories) > 1 or self.high > self.low


class MagnificationInfo(BaseModel):
    """The tiles of one magnification: side of a pixel in µm, and the descriptors that such images show."""

    model_config = ConfigDict(frozen=True)

    pixel_size_um: float = Field(gt=0)
    descriptors: tuple[str, ...]


class GeneratorSchema(BaseModel):
    """Parameters, magnifications and the material a generator knows.

    ``time_parameter`` names the parameter, in minutes, whose effect is fast at first and then slow; None when
    the material has none.
    """

    model_config = ConfigDict(frozen=True)

    material: str
    simulated: bool
    parameters: tuple[ParameterRange, ...]
    magnifications: Mapping[int, MagnificationInfo]
    time_parameter: str | None = None

    @model_validator(mode="after")
    def _time_is_in_minutes(self) -> "GeneratorSchema":
        if self.time_parameter is None:
            return self
        found = [p for p in self.parameters if p.name == self.time_parameter]
        if not found or found[0].unit != TIME_UNIT or found[0].low <= 0:
            raise ValueError(
                f"time_parameter {self.time_parameter!r} must be one of the parameters, "
                f"in {TIME_UNIT}, with a range above 0"
            )
        return self

    @property
    def descriptors(self) -> tuple[str, ...]:
        """Every descriptor that some magnification shows."""
        return tuple(name for info in self.magnifications.values() for name in info.descriptors)

    def magnification_showing(self, descriptor: str) -> int:
        """The magnification at which ``descriptor`` is measured; UnusableInput when there is none."""
        for magnification, info in self.magnifications.items():
            if descriptor in info.descriptors:
                return magnification
        raise UnusableInput(
            f"This generator shows no {descriptor!r}; it shows {', '.join(self.descriptors)}: "
            "leave it out, or use a model trained for it."
        )

    def magnification(self, magnification: float) -> MagnificationInfo:
        """Tile scale and descriptors at ``magnification``; UnusableInput when the model does not know it."""
        info = self.magnifications.get(round(magnification))
        if info is None:
            known = ", ".join(f"{m}" for m in self.magnifications)
            raise UnusableInput(
                f"This generator has no magnification {magnification:g}; it was trained at {known}: "
                "use one of them."
            )
        return info

    def unknown(self, conditions: Conditions) -> tuple[str, ...]:
        """Names in ``conditions`` that the generator was never shown, so that it cannot respond to them."""
        known = {p.name for p in self.parameters}
        return tuple(name for name in conditions if name not in known)

    def check(self, conditions: Conditions) -> None:
        """Raise :class:`UnusableInput` unless every varying parameter has a usable value.

        Values outside the trained range pass (the distance to the manifold tells), up to one range width
        beyond it, where an image would mean nothing.
        """
        for parameter in self.parameters:
            if parameter.varies:
                _check_value(parameter, conditions)
        if self.time_parameter is not None and number(conditions, self.time_parameter) <= 0:
            raise UnusableInput(
                f"{self.time_parameter} must be above 0 {TIME_UNIT}, "
                f"but {conditions[self.time_parameter]} was given."
            )


def number(conditions: Conditions, name: str) -> float:
    """The value of a numeric parameter; UnusableInput when it is no finite number."""
    value = conditions[name]
    try:
        result = float(value)
    except (TypeError, ValueError):
        result = math.nan
    if not math.isfinite(result):
        raise UnusableInput(f"{name} must be a number, but {value!r} was given.")
    return result


def _check_value(parameter: ParameterRange, conditions: Conditions) -> None:
    if parameter.name not in conditions:
        given = ", ".join(conditions) or "nothing"
        raise UnusableInput(
            f"The generator needs {parameter.name} ({_allowed(parameter)}), "
            f"but the conditions hold {given}: set it."
        )
    value = conditions[parameter.name]
    if parameter.categories:
        if value not in parameter.categories:
            raise UnusableInput(f"{parameter.name} must be {_allowed(parameter)}, but {value!r} was given.")
        return
    width = parameter.high - parameter.low
    if not parameter.low - width <= number(conditions, parameter.name) <= parameter.high + width:
        raise UnusableInput(
            f"{parameter.name} = {value} {parameter.unit}".rstrip()
            + f" is far outside what the generator was trained on ({_allowed(parameter)}): "
            "choose a value near that range, or train a model that covers it."
        )


def _allowed(parameter: ParameterRange) -> str:
    if parameter.categories:
        return "one of " + ", ".join(parameter.categories)
    return f"{parameter.low:g}–{parameter.high:g} {parameter.unit}".rstrip()


def same_parameters(one: Sequence[ParameterRange], other: Sequence[ParameterRange]) -> bool:
    """Whether two schemas describe the same inputs (names, units and categories, in order)."""

    def key(parameters: Sequence[ParameterRange]) -> list[tuple[str, str, tuple[str, ...]]]:
        return [(p.name, p.unit, p.categories) for p in parameters]

    return key(one) == key(other)
