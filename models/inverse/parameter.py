"""One parameter as part of the unit cube: its scale, its steps, its choices."""

import math
from decimal import Decimal

from models.errors import UnusableInput
from models.values import Parameter


def snap_value(parameter: Parameter, value: float) -> float:
    """``value`` moved into the bounds and onto the nearest step counted from ``low``."""
    if parameter.step <= 0:
        return min(max(value, parameter.low), parameter.high)
    last = math.floor((parameter.high - parameter.low) / parameter.step + 1e-9)
    count = min(max(round((value - parameter.low) / parameter.step), 0), last)
    # Decimal arithmetic: 9.8 + 3 * 0.05 is 9.95, not 9.950000000000001, on every record and file name.
    return float(Decimal(str(parameter.low)) + count * Decimal(str(parameter.step)))


def is_logarithmic(parameter: Parameter) -> bool:
    """Whether its range spans a factor of 10 or more, so that ratios count and not differences."""
    return parameter.low > 0 and parameter.high >= 10 * parameter.low


def share_of(parameter: Parameter, value: float) -> float:
    """Where ``value`` lies between the bounds: 0 at the lower, 1 at the upper, beyond them outside."""
    if is_logarithmic(parameter):
        # Conditions from elsewhere may lie below the range, down to 0; far outside is all that matters there.
        return math.log(max(value, 1e-3 * parameter.low) / parameter.low) / math.log(
            parameter.high / parameter.low
        )
    return (value - parameter.low) / (parameter.high - parameter.low)


def value_at(parameter: Parameter, share: float) -> float:
    """The value at a share of the range, not yet on a step."""
    if is_logarithmic(parameter):
        return parameter.low * math.exp(share * math.log(parameter.high / parameter.low))
    return parameter.low + share * (parameter.high - parameter.low)


def coordinates_of(parameter: Parameter) -> int:
    """How many coordinates it takes. Errors: :class:`UnusableInput` for reversed bounds."""
    if parameter.categories:
        return len(parameter.categories) if len(parameter.categories) > 1 else 0
    if not parameter.high >= parameter.low:
        raise UnusableInput(
            f"{parameter.name} has the bounds {parameter.low:g} to {parameter.high:g} {parameter.unit}; "
            "the lower one must come first."
        )
    return 1 if parameter.high > parameter.low else 0


def choices_of(parameter: Parameter) -> list[float | str]:
    """All its values; of a continuous parameter 21 evenly spread ones."""
    if parameter.categories:
        return list(parameter.categories)
    step = parameter.step or (parameter.high - parameter.low) / 20 or 1.0
    count = math.floor((parameter.high - parameter.low) / step + 1e-9) + 1
    return [snap_value(parameter, parameter.low + i * step) for i in range(count)]
