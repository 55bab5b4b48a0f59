"""A predictor together with what measurements taught about it."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from models.errors import UnusableInput
from models.learning.observations import Observation
from models.learning.residual import ResidualModel
from models.values import Conditions, Estimate

if TYPE_CHECKING:  # learning lies beneath inverse design and is handed its predictor and cube
    from models.inverse.predictor import Predictor
    from models.inverse.space import UnitCube

REACH = 0.25  # how far a measured experiment vouches for its surroundings, as a share of the space


class CorrectedPredictor:
    """``base`` plus the residual model's correction; without a base that is all.

    The spread is that of the residual where it is modelled: the base's own doubt has become its prior, and
    measurements have reduced it. Distance from the manifold: that of the base, or to the nearest measurement
    in units of 0.25 of the space, whichever is smaller.
    """

    def __init__(
        self,
        base: "Predictor | None",
        residuals: ResidualModel,
        cube: "UnitCube",
        known: Sequence[Observation],
    ) -> None:
        if base is None and not residuals.descriptors:
            raise UnusableInput(
                "Without a generator nothing can be predicted before the first measurement; "
                "run the first experiments of the design."
            )
        self._base, self._residuals, self._cube = base, residuals, cube
        self._known = tuple(one.conditions for one in known if not one.pending)

    @property
    def version(self) -> str:
        """The base's version and how many measurements correct it."""
        base = self._base.version if self._base is not None else "gaussian-process"
        return f"{base}+{len(self._known)}" if self._known else base

    @property
    def images_generated(self) -> int:
        """By the base, so far."""
        return self._base.images_generated if self._base is not None else 0

    @property
    def own_error(self) -> Mapping[str, float]:
        """The base's."""
        return self._base.own_error if self._base is not None else {}

    def manifold_distance(self, conditions: Conditions) -> float:
        """0 at known conditions, 1 at the edge of what the prediction can be trusted for."""
        distances = [self._cube.distance(conditions, other) / REACH for other in self._known]
        if self._base is not None:
            distances.append(self._base.manifold_distance(conditions))
        return min(distances, default=math.inf)

    def predict(self, many: Sequence[Conditions]) -> list[dict[str, Estimate]]:
        """Corrected estimates, in order, in the descriptors' units."""
        if self._base is not None:
            predictions = [dict(one) for one in self._base.predict(many)]
        else:
            predictions = [{} for _ in many]
        for name in sorted(self._residuals.descriptors):
            logarithmic = self._residuals.is_logarithmic(name)
            for prediction, correction in zip(predictions, self._residuals.correct(name, many), strict=True):
                start = (
                    Estimate(1.0 if logarithmic else 0.0, 0.0) if self._base is None else prediction.get(name)
                )
                if start is None:
                    continue
                if logarithmic:
                    mean = start.mean * math.exp(correction.mean)
                    prediction[name] = Estimate(mean, abs(mean) * correction.sd)
                else:
                    prediction[name] = Estimate(start.mean + correction.mean, correction.sd)
        return predictions
