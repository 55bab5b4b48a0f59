"""Numbers with units in a campaign file: ``8``, ``"8 h"``, ``"5 %"``."""

import math
import re
from functools import cache
from typing import TYPE_CHECKING, Annotated

from pydantic import WithJsonSchema

from campaigns.specification.faults import error

if TYPE_CHECKING:
    from pint import UnitRegistry

Quantity = Annotated[float, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]})]
"""A number in the declared unit, or text with a number and a unit that converts to it."""

DIMENSIONLESS = "–"
_NONE = {"", "-", "–", "1"}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)", re.DOTALL)
# Units are matched before pint sees them: it would gladly compute m**9**9**9.
_UNIT = re.compile(
    r"(?:1\s*/\s*)?[A-Za-zµμ°Ω%Å_]+(?:\^?-?\d)?(?:\s*[/·*\s]\s*[A-Za-zµμ°Ω%Å_]+(?:\^?-?\d)?){0,4}"
)
_DIMENSIONS = {
    "[time]": "a time",
    "[length]": "a length",
    "[temperature]": "a temperature",
    "[mass]": "a mass",
    "1 / [time]": "a rate",
    "[substance] / [length] ** 3": "a concentration",
    "[length] ** 3": "a volume",
    "[length] ** 3 / [time]": "a flow",
    "[length] ** 2": "an area",
    "dimensionless": "a pure number",
}


@cache
def _registry() -> "UnitRegistry[float]":
    from pint import UnitRegistry

    registry: UnitRegistry[float] = UnitRegistry(on_redefinition="ignore")
    # pint counts a revolution as 2π, so that 1 Hz would be 9.55 rpm; a stirrer at 1 Hz makes 60 rpm.
    registry.define("revolutions_per_minute = 1 / minute = rpm")
    return registry


def check_unit(unit: str) -> str:
    """The unit as it is, if it is one (``–`` or nothing for a pure number). Errors: a fault."""
    if unit.strip() in _NONE:
        return DIMENSIONLESS
    _dimension(unit, unit)
    return unit


def _normal(unit: str) -> str:
    return "" if unit.strip() in _NONE else unit.strip().replace("wt%", "%").replace("·", "*")


def _dimension(unit: str, came: object) -> str:
    """What the unit measures, in words. Errors: a fault when it is no unit."""
    from pint import PintError

    text = _normal(unit)
    try:
        if text and not _UNIT.fullmatch(text):
            raise ValueError
        dimension = str(_registry().parse_units(text).dimensionality)
    except (PintError, ValueError, AttributeError, TypeError, OverflowError):
        raise error("a unit such as min, °C, rpm, M, µm or %", came) from None
    return _DIMENSIONS.get(dimension, dimension)


def in_unit(value: object, unit: str, *, difference: bool = False) -> float:
    """``value`` as a number in ``unit``.

    A number is taken to be in ``unit``; text may carry another unit of the same dimension ("8 h" where
    minutes are declared gives 480). ``difference`` converts a step or a tolerance, for which 5 K is 5 °C.

    Errors: a fault that names both units when the dimensions differ.
    """
    wanted = (
        "a finite number" if unit in _NONE else f"a number in {unit} or a quantity that converts to {unit}"
    )
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = _finite(value)
        if number is None:
            raise error(wanted, value)
        return number
    match = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= 80 else None
    number = _finite(match[1]) if match else None
    if match is None or number is None:
        raise error(wanted, value)
    came = match[2].strip()
    if not came or came == unit:
        return number
    have, want = _dimension(came, value), _dimension(unit, unit)
    registry = _registry()
    source, target = registry.parse_units(_normal(came)), registry.parse_units(_normal(unit))
    if not source.is_compatible_with(target):
        expected = f"{want} in {unit}" if unit not in _NONE else "a number without unit"
        raise error(expected, value, got=f"{value!r}, which is {have} in {came}")
    if not difference:
        return float(registry.Quantity(number, source).to(target).magnitude)
    step = registry.Quantity(number, source) - registry.Quantity(0, source)
    one = registry.Quantity(1, target) - registry.Quantity(0, target)
    return float((step / one).to("dimensionless").magnitude)


def _finite(value: float | str) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def is_numeric(text: str) -> bool:
    """Whether text starts as a number does, so that it is meant as a quantity."""
    return _NUMBER.fullmatch(text.strip()) is not None


def percentage(value: object) -> float | None:
    """0.05 for ``"5 %"``; None when the value is no percentage."""
    match = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= 80 else None
    return float(match[1]) / 100 if match and match[2].strip() == "%" else None
