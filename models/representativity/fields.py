"""Intervals of descriptors over fields of view, and how many more fields a wanted precision takes."""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy.special import stdtrit

from models.morphology.measures import FieldMeasurement
from models.representativity.history import FieldSpread
from models.representativity.jackknife import Jackknife, jackknives
from models.values import Interval

MOST_FIELDS = 1000


def descriptor_intervals(
    fields: Sequence[FieldMeasurement],
    confidence: float = 0.95,
    target_error: float = 0.05,
    only: Collection[str] | None = None,
    earlier: Mapping[str, FieldSpread] | None = None,
) -> dict[str, Interval]:
    """Pooled descriptors with their confidence intervals over fields of view.

    The standard error is the delete-one-field jackknife of the pooled estimate, on a log scale where the
    descriptor is positive, with t of k − 1 degrees of freedom: fields differ by more than their particles
    say, so an interval over particles covers 0.4–0.7 where it promises 0.95. One field gives an unbounded
    interval, unless ``earlier`` samples say how much fields differ
    (:func:`models.representativity.spread_of_earlier`): the variance is then moderated by theirs, which
    halves the interval of three fields. ``target_error`` is relative; ``only`` names the descriptors wanted.
    Kinds may be mixed.
    """
    known = earlier or {}
    return {
        name: _interval(found, known.get(name), confidence, target_error)
        for name, found in jackknives(fields, only).items()
    }


def _interval(
    found: Jackknife, prior: FieldSpread | None, confidence: float, target_error: float
) -> Interval:
    value, k = found.value, found.fields
    if not math.isfinite(value):
        return Interval(value, math.nan, math.nan, confidence, k, 0)
    variance, freedom = found.variance, float(k - 1)
    if prior is not None and (k == 1 or math.isfinite(variance)):
        variance, freedom = prior.moderated(variance if k > 1 else 0.0, k - 1)
    if not math.isfinite(variance):
        return Interval(value, 0.0 if found.positive else -math.inf, math.inf, confidence, k, 0)
    half = float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(variance / k)
    wanted = math.log1p(target_error) if found.logarithmic else target_error * abs(value)
    needed = fields_needed(math.sqrt(variance), wanted, confidence, freedom - (k - 1))
    if found.logarithmic:
        return Interval(value, value * math.exp(-half), value * math.exp(half), confidence, k, needed)
    return Interval(value, value - half, value + half, confidence, k, needed)


def fields_needed(field_sd: float, half_width: float, confidence: float, prior_freedom: float = 0.0) -> int:
    """Least number of fields whose t interval is ``half_width`` wide to each side, 0 if 1000 are not enough.

    ``field_sd`` is the standard deviation that one field contributes, on the scale of ``half_width``;
    ``prior_freedom`` the degrees of freedom that earlier samples add to those of the fields.
    """
    number = np.arange(1 if prior_freedom > 0 else 2, MOST_FIELDS + 1)
    half = stdtrit(prior_freedom + number - 1, (1 + confidence) / 2) * field_sd / np.sqrt(number)
    enough = np.flatnonzero(half <= half_width)
    return int(number[enough[0]]) if enough.size else 0
