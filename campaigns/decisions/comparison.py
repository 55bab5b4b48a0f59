"""Measured against target: how far off, met or missed, and what can't be told yet."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from campaigns.decisions.intervals import fields_for_half_width, half_width, is_finite
from models.values import Interval, Target


class Outcome(StrEnum):
    """Whether a descriptor meets its target, as far as the data can tell."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Verdict:
    """What the interval of one descriptor says of its target.

    ``fields_to_tell`` is how many fields in all it would take to tell met from missed (0: enough, or no
    telling).
    """

    descriptor: str
    outcome: Outcome
    reason: str
    fields_to_tell: int = 0


def discrepancy(target: Target, value: float) -> float:
    """Signed distance of ``value`` from the wanted band, as a share of the band's nearest end; 0 inside it.

    Where that end is 0 the target's scale takes its place. NaN stays NaN.
    """
    if math.isnan(value):
        return math.nan
    deviation = target.deviation(value)
    end = target.low if deviation < 0 else target.high
    return deviation / (abs(end) or target.scale) if deviation else 0.0


def distance(targets: Sequence[Target], values: Mapping[str, float]) -> float:
    """Distance of an experiment from all its targets: Σ weight · (deviation / scale)².

    The F of Choi et al., Mater. Horiz. 2026, 13, 727, with each term divided by a stated scale.

    A descriptor that is missing or NaN makes it infinite.
    """
    total = 0.0
    for target in targets:
        value = values.get(target.descriptor, math.nan)
        if math.isnan(value):
            return math.inf
        total += target.weight * (target.deviation(value) / target.scale) ** 2
    return total


def accepted_band(target: Target) -> tuple[float, float]:
    """The wanted band widened by the tolerance, (low, high) in the descriptor's unit."""
    # Rounding must not decide: 8 ± 5 % reaches 8.4, though 8 + 0.4 may be a bit less.
    slack = 1e-12 * max((abs(end) for end in (target.low, target.high) if math.isfinite(end)), default=0.0)
    return target.low - target.tolerance - slack, target.high + target.tolerance + slack


def verdict(target: Target, interval: Interval, *, may_look_again: bool) -> Verdict:
    """Met if the whole interval lies in the accepted band, missed if it lies outside; else undecided.

    When no more fields can be taken (``may_look_again`` False), what is undecided counts as missed: a target
    that the data can't tell apart from a miss is never called met.
    """
    low, high = accepted_band(target)
    name, shown = target.descriptor, f"{interval.value:.4g} [{interval.low:.4g}, {interval.high:.4g}]"
    band = f"{low:.4g} to {high:.4g}" if math.isfinite(low) and math.isfinite(high) else _open(low, high)
    if not is_finite(interval):
        told, needed = f"{name} has no interval yet", 0
    elif low <= interval.low and interval.high <= high:
        return Verdict(name, Outcome.MET, f"{name} {shown} lies within {band}.")
    elif interval.high < low or interval.low > high:
        return Verdict(name, Outcome.MISSED, f"{name} {shown} lies outside {band}.")
    else:
        told, needed = (
            f"{name} {shown} can't be told to lie within {band}",
            _fields_to_tell(interval, low, high),
        )
    if may_look_again:
        return Verdict(name, Outcome.UNDECIDED, f"{told}.", needed)
    would = f" (about {needed} would tell, if nothing changed)" if needed > interval.n_fields else ""
    return Verdict(name, Outcome.MISSED, f"{told}, and no more fields may be taken{would}.")


def verdicts(
    targets: Sequence[Target], intervals: Mapping[str, Interval], *, may_look_again: bool
) -> tuple[Verdict, ...]:
    """One verdict for each target; a descriptor without interval is undecided, or missed like the rest."""
    nothing = Interval(math.nan, math.nan, math.nan, 0.95, 0, 0)
    return tuple(
        verdict(target, intervals.get(target.descriptor, nothing), may_look_again=may_look_again)
        for target in targets
    )


def _open(low: float, high: float) -> str:
    return f"at most {high:.4g}" if math.isinf(low) else f"at least {low:.4g}"


def _fields_to_tell(interval: Interval, low: float, high: float) -> int:
    """Fields in all until the interval crosses no end of the band, if the value stays where it is."""
    gap = min(abs(interval.value - end) for end in (low, high) if math.isfinite(end))
    return fields_for_half_width(interval.n_fields, half_width(interval), gap, interval.confidence)
