"""How far conditions are from what the generator was trained on."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from models.generator.encoding import ConditionEncoder
from models.values import Conditions


class Manifold:
    """Distance to the training conditions in the unit cube of their ranges.

    The unit is the largest gap between a training condition and its nearest neighbour: 0 at a training
    condition, 1 at the edge of what was trained on, above 1 outside. Outside a trained range the value is
    above 1 whatever the gaps.
    """

    def __init__(self, encoder: ConditionEncoder, trained_on: Sequence[Conditions]) -> None:
        if not trained_on:
            raise ValueError("a manifold needs at least one training condition")
        self._encoder = encoder
        points = np.unique(np.stack([encoder.coordinates(c) for c in trained_on]), axis=0)
        self._tree = cKDTree(points)
        gaps = self._tree.query(points, k=2)[0][:, 1] if len(points) > 1 else np.ones(1)
        self.gap = float(gaps.max())

    def distance(self, conditions: Conditions) -> float:
        """0 at a training condition, 1 at the edge of what was trained on, more outside."""
        nearest = float(self._tree.query(self._encoder.coordinates(conditions))[0]) / self.gap
        excess = self._encoder.excess(conditions)
        return max(nearest, 1.0 + excess / self.gap) if excess > 1e-9 else nearest
