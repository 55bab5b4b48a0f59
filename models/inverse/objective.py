"""What inverse design minimises: weighted squared misses, plus penalties for not knowing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.errors import UnusableInput
from models.values import Estimate, Target

_DRAWS = 512
_SLOPE = 0.01
_MISSED = 0.5
_TOLD = 1.96
"""Standard errors by which a value must lie inside its band for its 95 % interval to lie there too."""
_LEAST_TOLD = 0.25
"""Share of a tolerance that is left for the value, however wide intervals are."""


@dataclass(frozen=True)
class ObjectiveWeights:
    """Dimensionless weights of what is added to the squared misses.

    ``uncertainty``: of Σ w·(sd/scale)²; 1 makes the objective its own expected value under the prediction's
    spread, 0 ignores the spread. ``manifold``: of the squared distance beyond the edge of what the
    predictor was trained on (distance − 1, 0 inside).
    """

    uncertainty: float = 0.1
    manifold: float = 25.0


@dataclass(frozen=True)
class Score:
    """One evaluation, dimensionless; ``total`` is what a search minimises.

    Nothing measured yet: ``mismatch`` (of the means) + ``uncertainty`` + ``manifold``. Else: the loss
    expected after the experiment + ``manifold``.
    """

    total: float
    mismatch: float
    uncertainty: float
    manifold: float


class Objective:
    """F = Σ w·(deviation/scale)², the objective of [C] with each term divided by its target's scale.

    [C] Choi et al., Mater. Horiz. 2026, 13, 727: F = w1·Σ(D_t−D_g)² + w2·Σ(M_t−M_g)² + …; here any
    descriptors, one-sided and range targets (no miss inside the band), and the penalties of
    :class:`ObjectiveWeights`.

    Once the lowest measured mismatch ``best`` is known, conditions are worth trying for the chance that the
    experiment ends the campaign, and else that it beats what is known: the total becomes the expected loss
    E[0 if every target is met, else Σw/2 + min(best, F)] under the predicted means and spreads, as it will be
    measured: with the standard errors ``errors`` (by descriptor, in its unit) on top, and met where the whole
    95 % interval lies inside the tolerance. Its second
    term is ``best`` less the expected improvement of the composite F (Uhrenholt & Jensen, AISTATS 2019,
    "Efficient Bayesian optimization for target vector estimation"); the first makes the search prefer the
    middle of what meets all targets to a point where one descriptor is hit and another lies at the edge of
    its tolerance. A hundredth of E[F] gives a slope where neither is in sight.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        weights: ObjectiveWeights | None = None,
        *,
        best: float | None = None,
        errors: Mapping[str, float] | None = None,
    ) -> None:
        self.targets = tuple(targets)
        self.weights = weights or ObjectiveWeights()
        self.best = best
        self._errors = [(errors or {}).get(target.descriptor, 0.0) for target in self.targets]
        self._told = [
            max(target.tolerance - _TOLD * error, _LEAST_TOLD * target.tolerance)
            for target, error in zip(self.targets, self._errors, strict=True)
        ]
        _check(self.targets)
        half = np.random.default_rng(0).standard_normal((_DRAWS // 2, len(self.targets)))
        self._draws = np.concatenate([half, -half])

    def score(self, predicted: Mapping[str, Estimate], manifold_distance: float = 0.0) -> Score:
        """The score of one prediction; infinite where a wanted descriptor could not be predicted (NaN).

        Errors: :class:`UnusableInput` when the predictor does not know a wanted descriptor.
        """
        mismatch = uncertainty = 0.0
        drawn, met = np.zeros(_DRAWS), np.ones(_DRAWS, dtype=bool)
        for target, error, told, draws in zip(
            self.targets, self._errors, self._told, self._draws.T, strict=True
        ):
            estimate = predicted.get(target.descriptor)
            if estimate is None:
                raise UnusableInput(
                    f"The target descriptor {target.descriptor} is not one that the model predicts "
                    f"({', '.join(sorted(predicted)) or 'none'}); aim for one of these."
                )
            if not math.isfinite(estimate.mean):
                return Score(math.inf, math.inf, 0.0, 0.0)
            spread = estimate.sd if math.isfinite(estimate.sd) else 0.0
            mismatch += target.weight * (target.deviation(estimate.mean) / target.scale) ** 2
            uncertainty += target.weight * (spread / target.scale) ** 2
            values = estimate.mean + math.hypot(spread, error) * draws
            misses = values - np.clip(values, target.low, target.high)
            drawn += target.weight * (misses / target.scale) ** 2
            met &= np.abs(misses) <= told
        uncertainty *= self.weights.uncertainty
        outside = self.weights.manifold * max(manifold_distance - 1.0, 0.0) ** 2
        if self.best is None:
            total = mismatch + uncertainty
        else:
            missed = _MISSED * sum(target.weight for target in self.targets)
            loss = np.where(met, 0.0, missed + np.minimum(drawn, self.best))
            total = float(loss.mean() + _SLOPE * drawn.mean())
        return Score(total + outside, mismatch, uncertainty, outside)


def _check(targets: Sequence[Target]) -> None:
    if not any(target.weight > 0 for target in targets):
        raise UnusableInput("There is no target with a weight above 0; give at least one, e.g. d50_um = 8.")
    for target in targets:
        if not target.low <= target.high or not (math.isfinite(target.low) or math.isfinite(target.high)):
            raise UnusableInput(
                f"The target for {target.descriptor} asks for {target.low:g} to {target.high:g}, which "
                "nothing can meet; "
                "give a finite value, or a lower bound below the upper one."
            )
        if not (math.isfinite(target.scale) and target.scale > 0 and target.weight >= 0):
            raise UnusableInput(
                f"The target for {target.descriptor} has scale {target.scale:g} and weight "
                f"{target.weight:g}; "
                "the scale must be above 0 and the weight not below 0."
            )
