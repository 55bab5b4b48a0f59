"""Pooled descriptors and what leaving out one field at a time does to them."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from models.morphology.measures import FieldMeasurement, measure_of


@dataclass(frozen=True)
class Jackknife:
    """One descriptor pooled over fields: its ``value``, and the ``variance`` that one field contributes.

    The variance is of the logarithm where ``logarithmic``; NaN where leaving out a field leaves nothing, or
    there is but one. The error of the pooled value has ``variance``/``fields``.
    """

    value: float
    variance: float
    fields: int
    positive: bool
    logarithmic: bool


def jackknives(
    fields: Sequence[FieldMeasurement], only: Collection[str] | None = None
) -> dict[str, Jackknife]:
    """The descriptors (all, or ``only`` those named) of fields whose kinds may be mixed."""
    result: dict[str, Jackknife] = {}
    for kind in dict.fromkeys(field.kind for field in fields):
        measure = measure_of(kind)
        own = [field for field in fields if field.kind == kind]
        pooled = measure.pool(own)
        left_out = [measure.pool(own[:j] + own[j + 1 :]) for j in range(len(own))] if len(own) > 1 else []
        for name, descriptor in measure.descriptors.items():
            if only is None or name in only:
                logarithmic = descriptor.positive and pooled[name] > 0
                others = np.array([part[name] for part in left_out])
                variance = _variance(others, logarithmic)
                result[name] = Jackknife(pooled[name], variance, len(own), descriptor.positive, logarithmic)
    return result


def _variance(left_out: np.typing.NDArray[np.float64], logarithmic: bool) -> float:
    usable = np.isfinite(left_out) & ((left_out > 0) | (not logarithmic))
    if len(left_out) < 2 or not usable.all():
        return math.nan
    theta = np.log(left_out) if logarithmic else left_out
    return float((len(theta) - 1) * ((theta - theta.mean()) ** 2).sum())
