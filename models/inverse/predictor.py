"""Predictors: from conditions to descriptors with their spread."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from models.values import Conditions, Estimate


class Predictor(Protocol):
    """Anything that predicts condition-level descriptors."""

    @property
    def version(self) -> str:
        """What predicted, for the record."""
        ...

    @property
    def images_generated(self) -> int:
        """How many images it has generated so far (0 if it needs none)."""
        ...

    @property
    def own_error(self) -> Mapping[str, float]:
        """Relative SD by descriptor of the error that neighbouring conditions share; none: taken as 0."""
        ...

    def predict(self, many: Sequence[Conditions]) -> list[dict[str, Estimate]]:
        """One dictionary per conditions, in order: descriptor → mean and SD, in the descriptor's unit."""
        ...

    def manifold_distance(self, conditions: Conditions) -> float:
        """0 at a training condition, 1 at the edge of what it was trained on, more outside."""
        ...
