"""How much the fields of one sample differ, as earlier samples show it: a prior for the next one's few."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import polygamma, psi

from models.morphology.measures import FieldMeasurement
from models.representativity.jackknife import jackknives

LEAST_SAMPLES = 8


@dataclass(frozen=True)
class FieldSpread:
    """Prior of the variance between fields: ``variance``, worth ``freedom`` degrees of freedom.

    The variance is that of one field's contribution, of the logarithm for positive descriptors.
    """

    variance: float
    freedom: float

    def moderated(self, variance: float, freedom: int) -> tuple[float, float]:
        """Variance and degrees of freedom when fields of the sample itself gave ``variance``."""
        together = self.freedom + freedom
        return (self.freedom * self.variance + freedom * variance) / together, together


def spread_of_earlier(samples: Sequence[Sequence[FieldMeasurement]]) -> Mapping[str, FieldSpread]:
    """The spread between fields of each descriptor, from the fields of earlier ``samples``.

    Empirical Bayes of log variances (Smyth, Stat. Appl. Genet. Mol. Biol. 3 (2004) 3): how much the samples'
    variances differ beyond chance says how far the prior may be trusted. Descriptors with fewer than 8
    samples of at least two fields are left out: from fewer the prior itself is a guess.
    """
    seen: dict[str, list[tuple[float, int]]] = {}
    for fields in samples:
        for name, found in jackknives(fields).items():
            if found.variance > 0:
                seen.setdefault(name, []).append((found.variance, found.fields - 1))
    return {name: _prior(pairs) for name, pairs in seen.items() if len(pairs) >= LEAST_SAMPLES}


def _prior(pairs: Sequence[tuple[float, int]]) -> FieldSpread:
    variance, freedom = np.array(pairs, float).T
    level = np.log(variance) - psi(freedom / 2) + np.log(freedom / 2)
    beyond = float(level.var(ddof=1) - polygamma(1, freedom / 2).mean())
    # No prior is worth more than the fields it was made from.
    most = float(freedom.sum())
    trusted = min(2 * _inverse_trigamma(beyond), most) if beyond > 0 else most
    return FieldSpread(math.exp(level.mean() + float(psi(trusted / 2)) - math.log(trusted / 2)), trusted)


def _inverse_trigamma(value: float) -> float:
    """x with ψ′(x) = ``value``, by Newton's method on 1/ψ′, which is nearly straight."""
    x = 0.5 + 1 / value
    for _ in range(20):
        slope = float(polygamma(1, x))
        step = slope * (1 - slope / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-8 * x:
            break
    return x
