"""Ways to choose the next experiment, behind one protocol: ingest what was measured, suggest what to do."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from models.errors import UnusableInput
from models.inverse.bayesian import bayesian_point
from models.inverse.optimise import Progress
from models.inverse.predictor import Predictor
from models.inverse.proposing import SuggestSettings, declared_positive, design_point, suggest
from models.inverse.result import InverseResult
from models.inverse.space import UnitCube
from models.learning.observations import Observation
from models.values import Space, Target

METHODS = ("pso", "bayesian", "sobol", "random")


class Policy(Protocol):
    """One way of choosing."""

    def ingest(self, observation: Observation) -> None:
        """Take note of a measured experiment."""
        ...

    def suggest(self, seed: int, progress: Progress | None = None) -> InverseResult:
        """The next conditions to try; the same observations and seed give the same ones.

        Errors: :class:`UnusableInput` as :func:`~models.inverse.optimise.optimise`.
        """
        ...


class _Observing:
    """What all policies have: the space, the targets, and what was measured."""

    def __init__(self, space: Space, targets: Sequence[Target], settings: SuggestSettings, seed: int) -> None:
        self._space, self._targets, self._settings, self._seed = space, tuple(targets), settings, seed
        self._cube = UnitCube(space)
        self._observations: list[Observation] = []

    def ingest(self, observation: Observation) -> None:
        """Take note of a measured experiment."""
        self._observations.append(observation)


class SwarmPolicy(_Observing):
    """The swarm through a predictor, corrected by what was measured (:func:`~models.inverse.suggest`)."""

    def __init__(
        self,
        predictor: Predictor | None,
        space: Space,
        targets: Sequence[Target],
        settings: SuggestSettings,
        seed: int,
        positive: Mapping[str, bool] | None,
    ) -> None:
        super().__init__(space, targets, settings, seed)
        self._predictor, self._positive = predictor, positive

    def suggest(self, seed: int, progress: Progress | None = None) -> InverseResult:
        """The swarm's best, or a point of the design while there is nothing to predict with."""
        return suggest(
            self._predictor,
            self._space,
            self._targets,
            self._observations,
            settings=self._settings,
            seed=seed,
            design_seed=self._seed,
            progress=progress,
            positive=self._positive,
        )


class BayesianPolicy(_Observing):
    """Gaussian processes on what was measured alone, no generator: the alternative to compare with."""

    def __init__(
        self,
        space: Space,
        targets: Sequence[Target],
        settings: SuggestSettings,
        seed: int,
        positive: Mapping[str, bool] | None,
    ) -> None:
        super().__init__(space, targets, settings, seed)
        self._positive = positive

    def suggest(self, seed: int, progress: Progress | None = None) -> InverseResult:
        """The largest expected improvement, or a point of the design while fewer than it are measured."""
        if len(self._observations) < max(self._settings.design, 2):
            known = [one.conditions for one in self._observations]
            return design_point(self._cube, self._targets, known, self._settings.candidates, self._seed)
        return bayesian_point(
            self._cube,
            self._targets,
            self._observations,
            candidates=self._settings.candidates,
            seed=seed,
            positive=declared_positive() if self._positive is None else self._positive,
        )


class DesignPolicy(_Observing):
    """One space-filling design for the whole campaign, blind to what is measured."""

    def suggest(self, seed: int, progress: Progress | None = None) -> InverseResult:
        """The next point of a Sobol sequence."""
        known = [one.conditions for one in self._observations]
        return design_point(self._cube, self._targets, known, self._settings.candidates, self._seed)


class RandomPolicy(_Observing):
    """Feasible conditions at random."""

    def suggest(self, seed: int, progress: Progress | None = None) -> InverseResult:
        """A feasible point that was not measured yet: some point of another design each time."""
        known = [one.conditions for one in self._observations]
        return design_point(self._cube, self._targets, known, self._settings.candidates, seed)


def policy_for(
    method: str,
    predictor: Predictor | None,
    space: Space,
    targets: Sequence[Target],
    *,
    settings: SuggestSettings | None = None,
    seed: int = 0,
    positive: Mapping[str, bool] | None = None,
) -> Policy:
    """The policy of a name in :data:`METHODS`; ``seed`` is the campaign's, and that of its design.

    ``positive``: which descriptors live on a logarithmic scale (default: what their measures declare).
    Errors: :class:`UnusableInput` for an unknown name.
    """
    settings = settings or SuggestSettings()
    if method == "pso":
        return SwarmPolicy(predictor, space, targets, settings, seed, positive)
    if method == "bayesian":
        return BayesianPolicy(space, targets, settings, seed, positive)
    if method == "sobol":
        return DesignPolicy(space, targets, settings, seed)
    if method == "random":
        return RandomPolicy(space, targets, settings, seed)
    raise UnusableInput(f"There is no optimiser {method!r}; choose one of {', '.join(METHODS)}.")
