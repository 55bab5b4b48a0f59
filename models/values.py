"""Value types that cross module borders: conditions, search space, targets, estimates and intervals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Conditions = Mapping[str, float | str]
"""Synthesis conditions by parameter name, in the units that the parameters declare."""


@dataclass(frozen=True)
class Parameter:
    """One synthesis parameter: a range in its unit, or a set of categories.

    ``step`` 0 means continuous. A categorical parameter has ``categories`` and no bounds.
    """

    name: str
    unit: str
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Constraint:
    """A rule between parameters, e.g. ``naoh_factor <= 2 * nh4oh_factor``."""

    text: str
    holds: Callable[[Conditions], bool]


@dataclass(frozen=True)
class Space:
    """The feasible region that inverse design searches; ``fixed`` values are added to every point."""

    parameters: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...] = ()
    fixed: Conditions = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """What is wanted of one descriptor, in the descriptor's unit.

    ``low`` and ``high`` are equal for a value; one is infinite for "at least" and "at most".
    ``tolerance`` is absolute; ``scale`` is the difference that counts as 1 in the objective.
    """

    descriptor: str
    kind: Literal["value", "range", "at_least", "at_most"]
    low: float
    high: float
    weight: float
    scale: float
    tolerance: float

    def deviation(self, value: float) -> float:
        """Signed distance of ``value`` from the wanted band, in the descriptor's unit (0 inside it)."""
        if value < self.low:
            return value - self.low
        if value > self.high:
            return value - self.high
        return 0.0


@dataclass(frozen=True)
class Estimate:
    """A predicted descriptor: mean and standard deviation, in the descriptor's unit."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Interval:
    """A measured descriptor with its confidence interval, in the descriptor's unit.

    ``fields_needed`` is the number of fields of view in all that the asked precision takes, as far as
    the fields so far can tell (0 when it can't be told).
    """

    value: float
    low: float
    high: float
    confidence: float
    n_fields: int
    fields_needed: int
