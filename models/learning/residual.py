"""Residual model: what the measurements say that the predictor got wrong, and how sure that is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from models.gaussian_process import posterior_mode
from models.learning.observations import Observation
from models.values import Conditions, Estimate

if TYPE_CHECKING:  # learning lies beneath inverse design and is handed its cube
    from models.inverse.space import UnitCube

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Belief:
    """What is believed of a residual before anything is measured, on the scale that it is modelled on.

    On a logarithmic scale (positive descriptors) the SDs are relative: 0.15 is 15 %; on the linear one they
    are multiplied by the size of the measured values. ``offset``: SD of a part that is the same everywhere;
    ``local``: SD of a part that varies over conditions with ``length`` (in the unit cube, per coordinate,
    within ``length_bounds``); ``batch``: SD between repeats of one synthesis, beyond the measuring error.
    ``*_spread``: SD of the logarithm of each, i.e. how far data may move it.
    """

    offset: float = 0.15
    local: float = 0.10
    length: float = 1.0
    length_bounds: tuple[float, float] = (0.3, 3.0)
    batch: float = 0.01
    size_spread: float = 0.7
    length_spread: float = 0.5
    batch_spread: float = 0.5


CORRECTING = Belief()
"""For a generator that is roughly right: mostly an offset, so one measurement corrects its surroundings.

Where the generator states a larger doubt of its own, that takes the place of ``offset`` and ``local``.
"""

ALONE = Belief(offset=0.05, local=1.0, length=3.0, length_bounds=(0.3, 6.0))
"""For no generator at all: the whole response, nearly linear (long lengths) until data say otherwise."""


@dataclass(frozen=True)
class Correction:
    """A residual at one point, on the model's scale, as the next measurement there would show it."""

    mean: float
    sd: float


@dataclass(frozen=True)
class _Fitted:
    process: GaussianProcessRegressor
    centre: float
    size: float
    logarithmic: bool


class ResidualModel:
    """One Gaussian process per descriptor over encoded conditions, on measured − predicted.

    Positive descriptors are modelled as log(measured / predicted). The kernel is a constant (an offset
    common to all conditions) plus a Matérn 5/2 with a length per coordinate plus white noise (batch to
    batch); the known measuring variances are added to the diagonal. With so few points the likelihood alone
    would choose absurd lengths: hyper-parameters maximise likelihood × the log-normal priors of
    :class:`Belief` (MAP; Rasmussen & Williams, *Gaussian Processes for Machine Learning*, 2006, eq. 5.8–5.9
    with the prior added).
    """

    def __init__(self, cube: "UnitCube", fitted: Mapping[str, _Fitted]) -> None:
        self._cube = cube
        self._fitted = dict(fitted)

    @classmethod
    def fit(
        cls,
        cube: "UnitCube",
        observations: Sequence[Observation],
        predicted: Sequence[Mapping[str, Estimate]] | None,
        *,
        descriptors: Sequence[str],
        positive: Mapping[str, bool],
        belief: Belief | None = None,
    ) -> "ResidualModel":
        """Fit to ``observations``; ``predicted``: the predictor's estimates at the same conditions.

        With ``predicted`` None the model is the whole predictor: residuals are taken from the mean of the
        data. Descriptors that were never measured stay without a model. ``positive``: which to model as
        logarithms.
        """
        belief = belief or (CORRECTING if predicted is not None else ALONE)
        points = cube.encode_many([one.conditions for one in observations])
        fitted = {}
        for name in descriptors:
            rows: list[int] = []
            measured: list[Estimate] = []
            base: list[Estimate] = []
            for i, observation in enumerate(observations):
                estimate = observation.estimate(name)
                reference = predicted[i].get(name) if predicted is not None else Estimate(1.0, 0.0)
                if estimate is None or reference is None or not math.isfinite(reference.mean):
                    continue
                rows.append(i)
                measured.append(estimate)
                base.append(reference)
            if rows:
                logarithmic = positive.get(name, False) and min(e.mean for e in [*measured, *base]) > 0
                fitted[name] = _fit_one(
                    points[rows], measured, base if predicted is not None else None, logarithmic, belief
                )
        return cls(cube, fitted)

    @property
    def descriptors(self) -> frozenset[str]:
        """The descriptors that it knows anything about."""
        return frozenset(self._fitted)

    def is_logarithmic(self, name: str) -> bool:
        """Whether the residual of ``name`` is log(measured / predicted)."""
        return self._fitted[name].logarithmic

    def correct(self, name: str, many: Sequence[Conditions]) -> list[Correction]:
        """The residual of one descriptor at each of the conditions."""
        fitted = self._fitted[name]
        points = self._cube.encode_many(many)
        mean, sd = fitted.process.predict(points, return_std=True)
        return [
            Correction(fitted.centre + fitted.size * float(m), fitted.size * float(s))
            for m, s in zip(mean, sd, strict=True)
        ]


def _fit_one(
    points: Array,
    measured: Sequence[Estimate],
    base: Sequence[Estimate] | None,
    logarithmic: bool,
    belief: Belief,
) -> _Fitted:
    values = np.array([estimate.mean for estimate in measured])
    errors = np.array([estimate.sd for estimate in measured])
    expected = np.array([estimate.mean for estimate in base]) if base is not None else None
    if logarithmic:
        residuals = np.log(values) - (np.log(expected) if expected is not None else 0.0)
        errors, size = errors / values, 1.0
    else:
        residuals = values - (expected if expected is not None else 0.0)
        size = float(np.abs(values).mean()) or 1.0
    if base is not None:
        belief = _with_stated_doubt(belief, [e.sd / (e.mean if logarithmic else size) for e in base])
    centre = float(residuals.mean()) if base is None else 0.0
    residuals, errors = (
        (residuals - centre) / size,
        np.clip(errors / (1.0 if logarithmic else size), 1e-4, 0.5),
    )
    low, high = belief.length_bounds
    dimension = points.shape[1]
    kernel = (
        ConstantKernel(belief.offset**2, (1e-6, 1e2))
        + ConstantKernel(belief.local**2, (1e-6, 1e2))
        * Matern([belief.length] * dimension, (low, high), nu=2.5)
        + WhiteKernel(belief.batch**2, (1e-7, 1.0))
    )
    process = GaussianProcessRegressor(
        kernel, alpha=errors**2, optimizer=posterior_mode(*_prior(belief, dimension)), normalize_y=False
    )
    process.fit(points, residuals)
    return _Fitted(process, centre, size, logarithmic)


def _with_stated_doubt(belief: Belief, relative: Sequence[float]) -> Belief:
    """A base that is in doubt of itself may be wrong by more than is believed of one that is not."""
    doubts = [abs(sd) for sd in relative if math.isfinite(sd)]
    doubt = float(np.median(doubts)) if doubts else 0.0
    return replace(belief, offset=max(belief.offset, doubt), local=max(belief.local, doubt))


def _prior(belief: Belief, dimension: int) -> tuple[Array, Array]:
    """Mode and SD of theta, in scikit-learn's order: logarithms of offset², local², lengths, batch²."""
    mode = np.log([belief.offset**2, belief.local**2, *[belief.length] * dimension, belief.batch**2])
    spread = np.array(
        [2 * belief.size_spread] * 2 + [belief.length_spread] * dimension + [2 * belief.batch_spread]
    )
    return mode, spread
