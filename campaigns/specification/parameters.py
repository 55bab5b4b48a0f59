"""Synthesis parameters of a campaign: searched over a range or categories, or fixed."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails

from campaigns.specification.faults import detail, error
from campaigns.specification.quantities import DIMENSIONLESS, Quantity, check_unit, in_unit, is_numeric
from campaigns.specification.section import Section
from models.values import Parameter

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)]


class ParameterSpec(Section):
    """One parameter: ``bounds`` (and an optional ``step``) or ``categories`` to search, or a fixed ``value``.

    ``bounds``, ``step`` and a numeric ``value`` are numbers in ``unit`` or text with another unit of the same
    dimension. A fixed parameter may also state its ``categories`` or ``bounds``, so that it can be freed.
    """

    name: Name
    unit: str = DIMENSIONLESS
    bounds: Annotated[tuple[Quantity, Quantity] | None, Field(description="lowest and highest value")] = None
    step: Quantity = 0.0
    categories: Annotated[tuple[str, ...], Field(strict=False, min_length=2)] | None = None
    value: Annotated[float | str | None, Field(description="fixed: a quantity or a category")] = None

    @field_validator("unit", mode="after")
    @classmethod
    def _unit(cls, unit: str) -> str:
        return check_unit(unit)

    @field_validator("bounds", mode="before")
    @classmethod
    def _bounds(cls, bounds: object, info: ValidationInfo) -> tuple[float, float] | None:
        if bounds is None:
            return None
        if not isinstance(bounds, list | tuple) or len(bounds) != 2:
            raise error("two numbers, [lowest, highest]", bounds)
        if "unit" not in info.data:  # the unit itself is at fault, and says so
            return 0.0, 1.0
        low, high = (in_unit(bound, info.data["unit"]) for bound in bounds)
        if not low < high:
            raise error("the lower bound before the upper one", list(bounds))
        return low, high

    @field_validator("step", mode="before")
    @classmethod
    def _step(cls, step: object, info: ValidationInfo) -> float:
        if "unit" not in info.data:
            return 0.0
        number = in_unit(step, info.data["unit"], difference=True)
        bounds = info.data.get("bounds")
        if number < 0 or (bounds and number > bounds[1] - bounds[0]):
            raise error("a step from 0 (continuous) up to the width of the bounds", step)
        return number

    @field_validator("categories", mode="after")
    @classmethod
    def _categories(cls, categories: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if categories and len(set(categories)) != len(categories):
            raise error("categories that differ from each other", list(categories))
        return categories

    @field_validator("value", mode="before")
    @classmethod
    def _value(cls, value: object, info: ValidationInfo) -> float | str | None:
        if value is None or "unit" not in info.data:
            return None
        categories = info.data.get("categories")
        if categories:
            if value not in categories:
                raise error(f"one of the categories {', '.join(categories)}", value)
            return str(value)
        if isinstance(value, str) and info.data["unit"] == DIMENSIONLESS and not is_numeric(value):
            return value  # a fixed category that needs no list of alternatives
        number = in_unit(value, info.data["unit"])
        bounds = info.data.get("bounds")
        if bounds and not bounds[0] <= number <= bounds[1]:
            raise error(f"a value within the bounds {bounds[0]:g} to {bounds[1]:g}", value)
        return number

    @classmethod
    def crosscheck(cls, raw: Mapping[str, Any], info: ValidationInfo) -> Iterator[InitErrorDetails]:
        """A parameter is searched over bounds or categories, or fixed; a step belongs to bounds."""
        ways = [key for key in ("bounds", "categories", "value") if raw.get(key) is not None]
        if not ways:
            yield detail((), "bounds or categories to search, or a fixed value", None, got="none of them")
        if "bounds" in ways and "categories" in ways:
            yield detail((), "either bounds or categories", None, got="both")
        if "categories" in ways and raw.get("unit") not in (None, "", DIMENSIONLESS, "-"):
            yield detail(("unit",), "no unit on a parameter with categories", raw["unit"])
        if raw.get("step") not in (None, 0) and "bounds" not in ways:
            yield detail(("step",), "a step only together with bounds", raw["step"])

    @property
    def fixed(self) -> bool:
        """Whether the campaign holds this parameter at one value."""
        return self.value is not None

    @property
    def is_category(self) -> bool:
        """Whether its values are words, not numbers."""
        return bool(self.categories) or isinstance(self.value, str)

    def parameter(self) -> Parameter:
        """The searched parameter as a value type."""
        low, high = self.bounds or (0.0, 0.0)
        return Parameter(self.name, self.unit, low, high, self.step, self.categories or ())

    def allows(self, value: float | str) -> bool:
        """Whether ``value`` (in the declared unit) is one that this parameter may take."""
        if self.value is not None:
            return value == self.value
        if self.categories or self.bounds is None:
            return value in (self.categories or ())
        if isinstance(value, str) or not math.isfinite(value):
            return False
        slack = 1e-9 * max(abs(self.bounds[0]), abs(self.bounds[1]))
        return self.bounds[0] - slack <= value <= self.bounds[1] + slack
