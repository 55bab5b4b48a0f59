"""Ways to choose the next experiment, behind one protocol: ingest what was measured, suggest what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass
class _Observing:
    """What all policies have: the space, the targets, and what was measured."""

    space: Space
    targets: Sequence[Target]
    settings: SuggestSettings
    seed: int
    positive: Mapping[str, bool] | None

    def __post_init__(self) -> None:
        self._cube = UnitCube(self.space)
        self._observations: list[Observation] = []

    def ingest(self, observation: Observation) -> None:
        """Take note of a measured experiment."""
        self._observations.append(observation)

    def _design_point(self, seed: int) -> InverseResult:
        known = [one.conditions for one in self._observations]
        return design_point(self._cube, self.targets, known, self.settings.candidates, seed)


@dataclass
class SwarmPolicy(_Observing):
    """The swarm through a predictor, corrected by what was measured (:func:`~models.inverse.suggest`)."""

    predictor: Predictor | None

    def suggest(self, seed: int, progress: Progress | None = None) -> InverseResult:
        """The swarm's best, or a point of the design while there is nothing to predict with."""
        return suggest(
            self.predictor,
            self.space,
            self.targets,
            self._observations,
            settings=self.settings,
            seed=seed,
            design_seed=self.seed,
            progress=progress,
            positive=self.positive,
        )


class BayesianPolicy(_Observing):
    """Gaussian processes on what was measured alone, no generator: the alternative to compare with."""

    def suggest(self, seed: int, progress: Progress | None = None) -> InverseResult:
        """The largest expected improvement, or a point of the design while fewer than it are measured."""
        if len(self._observations) < max(self.settings.design, 2):
            return self._design_point(self.seed)
        return bayesian_point(
            self._cube,
            self.targets,
            self._observations,
            candidates=self.settings.candidates,
            seed=seed,
            positive=declared_positive() if self.positive is None else self.positive,
        )


class DesignPolicy(_Observing):
    """One space-filling design for the whole campaign, blind to what is measured."""

    def suggest(self, seed: int, progress: Progress | None = None) -> InverseResult:
        """The next point of a Sobol sequence."""
        return self._design_point(self.seed)


class RandomPolicy(_Observing):
    """Feasible conditions at random."""

    def suggest(self, seed: int, progress: Progress | None = None) -> InverseResult:
        """A feasible point that was not measured yet: some point of another scrambled sequence each time."""
        return self._design_point(seed)


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
    given = (space, targets, settings or SuggestSettings(), seed, positive)
    if method == "pso":
        return SwarmPolicy(*given, predictor)
    if method == "bayesian":
        return BayesianPolicy(*given)
    if method == "sobol":
        return DesignPolicy(*given)
    if method == "random":
        return RandomPolicy(*given)
    raise UnusableInput(f"There is no optimiser {method!r}; choose one of {', '.join(METHODS)}.")
