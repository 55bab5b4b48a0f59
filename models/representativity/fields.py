"""Intervals of descriptors over fields of view, and how many more fields a wanted precision takes."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from scipy.special import stdtrit

from models.morphology.measures import Descriptor, FieldMeasurement, measure_of
from models.values import Interval

MOST_FIELDS = 1000


def descriptor_intervals(
    fields: Sequence[FieldMeasurement],
    confidence: float = 0.95,
    target_error: float = 0.05,
    only: Collection[str] | None = None,
) -> dict[str, Interval]:
    """Pooled descriptors with their confidence intervals over fields of view.

    The standard error is the delete-one-field jackknife of the pooled estimate, on a log scale where the
    descriptor is positive, with t of k − 1 degrees of freedom: fields differ by more than their particles
    say, so an interval over particles covers 0.4–0.7 where it promises 0.95. One field gives an unbounded
    interval. ``target_error`` is relative; ``only`` names the descriptors wanted. Kinds may be mixed.
    """
    result: dict[str, Interval] = {}
    for kind in dict.fromkeys(f.kind for f in fields):
        measure = measure_of(kind)
        own = [f for f in fields if f.kind == kind]
        pooled = measure.pool(own)
        left_out = [measure.pool(own[:j] + own[j + 1 :]) for j in range(len(own))] if len(own) > 1 else []
        for name, descriptor in measure.descriptors.items():
            if only is None or name in only:
                others = np.array([part[name] for part in left_out])
                result[name] = _interval(descriptor, pooled[name], others, len(own), confidence, target_error)
    return result


def _interval(
    descriptor: Descriptor,
    value: float,
    left_out: np.typing.NDArray[np.float64],
    k: int,
    confidence: float,
    target_error: float,
) -> Interval:
    floor = 0.0 if descriptor.positive else -math.inf
    if not math.isfinite(value):
        return Interval(value, math.nan, math.nan, confidence, k, 0)
    logarithmic = descriptor.positive and value > 0
    usable = np.isfinite(left_out) & ((left_out > 0) | (not logarithmic))
    if k < 2 or not usable.all():
        return Interval(value, floor, math.inf, confidence, k, 0)
    theta = np.log(left_out) if logarithmic else left_out
    error = math.sqrt((k - 1) / k * float(((theta - theta.mean()) ** 2).sum()))
    half = float(stdtrit(k - 1, (1 + confidence) / 2)) * error
    wanted = math.log1p(target_error) if logarithmic else target_error * abs(value)
    needed = fields_needed(error * math.sqrt(k), wanted, confidence)
    if logarithmic:
        return Interval(value, value * math.exp(-half), value * math.exp(half), confidence, k, needed)
    return Interval(value, value - half, value + half, confidence, k, needed)


def fields_needed(field_sd: float, half_width: float, confidence: float) -> int:
    """Least number of fields whose t interval is ``half_width`` wide to each side, 0 if 1000 are not enough.

    ``field_sd`` is the standard deviation that one field contributes, on the scale of ``half_width``.
    """
    number = np.arange(2, MOST_FIELDS + 1)
    half = stdtrit(number - 1, (1 + confidence) / 2) * field_sd / np.sqrt(number)
    enough = np.flatnonzero(half <= half_width)
    return int(number[enough[0]]) if enough.size else 0
