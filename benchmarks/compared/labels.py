"""What labels of synthesised conditions tell without any image: Gaussian processes over them."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

import numpy as np

from benchmarks.compared.labs import Eyes, campaign
from models.gaussian_process import Surface, fit_surface
from models.inverse import UnitCube
from models.values import Conditions, Estimate
from sim.lmr import LMRPlant

LABELLED = 192
"""Conditions, as many as the generator's calibration has."""
SEED = 1


class LabelPredictor:
    """Predicts the logarithm of each descriptor from :data:`LABELLED` syntheses of the reference plant."""

    version, images_generated = "labels", 0
    own_error: Mapping[str, float] = MappingProxyType({})

    def __init__(self) -> None:
        self._cube = UnitCube(campaign().space())
        conditions = [self._cube.decode(point) for point in self._cube.sample(LABELLED, SEED)]
        eyes = Eyes(LMRPlant(SEED, hidden=False), campaign())
        looks = [eyes.look(one, batch=number) for number, one in enumerate(conditions)]
        points = self._cube.encode_many(conditions)
        self._surfaces: dict[str, Surface] = {}
        for target in campaign().targets():
            values = np.array([look[target.descriptor].value for look in looks])
            usable = values > 0
            self._surfaces[target.descriptor] = fit_surface(points[usable], np.log(values[usable]))

    def predict(self, many: Sequence[Conditions]) -> list[dict[str, Estimate]]:
        """Mean and SD of each descriptor."""
        points = self._cube.encode_many(list(many))
        found: list[dict[str, Estimate]] = [{} for _ in many]
        for name, surface in self._surfaces.items():
            for one, mean, sd in zip(found, *surface.at(points), strict=True):
                one[name] = Estimate(float(np.exp(mean)), float(np.exp(mean) * sd))
        return found

    def manifold_distance(self, conditions: Conditions) -> float:
        """0: all of the space was sampled."""
        return 0.0


@cache
def labels() -> LabelPredictor:
    """Made once for all labs."""
    return LabelPredictor()
