"""The methods that are compared: each says what to try next in a hidden lab, from what was measured there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from benchmarks.compared import blop
from benchmarks.compared.labels import labels
from benchmarks.compared.labs import HiddenLab, Proposal, campaign
from models.inverse import Predictor, SuggestSettings, optimise, policy_for
from models.inverse.generated import GeneratorPredictor
from models.learning.observations import Observation

Suggest = Callable[[HiddenLab, Sequence[Observation], int], Proposal]
"""(lab, what was measured so far, seed of the lab) → what to try next."""


@dataclass(frozen=True)
class Method:
    """A name, what it does, and whether it takes further fields where they can tell something."""

    name: str
    suggest: Suggest
    adaptive: bool = True


def _settings() -> SuggestSettings:
    optimiser = campaign().optimiser
    return SuggestSettings(particles=optimiser.particles, iterations=optimiser.iterations, candidates=3)


def _by_policy(kind: str, predictor: Callable[[], Predictor] | None = None) -> Suggest:
    def suggest(lab: HiddenLab, observations: Sequence[Observation], seed: int) -> Proposal:
        policy = policy_for(
            kind,
            predictor() if predictor else None,
            lab.space,
            lab.targets,
            settings=_settings(),
            seed=seed,
        )
        for one in observations:
            policy.ingest(one)
        # Random draws anew each time; the others are the same search with more to go by.
        best = policy.suggest(seed + 100_000 * len(observations)).best
        return Proposal(best.conditions, best.predicted)

    return suggest


def _uncorrected(lab: HiddenLab, observations: Sequence[Observation], seed: int) -> Proposal:
    """The generator's own best, then its next best apart from what was tried, whatever was measured."""
    tried = [one.conditions for one in observations]
    settings = _settings()
    best = optimise(
        generator(),
        lab.space,
        lab.targets,
        particles=settings.particles,
        iterations=settings.iterations,
        seed=seed,
        avoid=tried,
        known=tried,
        patience=settings.patience,
    ).best
    return Proposal(best.conditions, best.predicted)


@cache
def generator() -> GeneratorPredictor:
    """The shipped generator as the campaign uses it; what it predicted once serves every lab."""
    from models.generator import load
    from models.generator.registry import locate

    images = {
        v.magnification: campaign().optimiser.images_at(v.magnification) for v in campaign().imaging.views
    }
    wanted = [target.descriptor for target in campaign().targets()]
    return GeneratorPredictor(load(locate(None)), wanted, images=images, seed=0)


def methods() -> dict[str, Method]:
    """All methods by name, the loop first."""
    found = (
        Method("loop", _by_policy("pso", generator)),
        Method("without residual correction", _uncorrected),
        Method("without adaptive imaging", _by_policy("pso", generator), adaptive=False),
        Method("labels in place of the generator", _by_policy("pso", labels)),
        Method("without generator", _by_policy("pso")),
        Method("BoTorch", _by_policy("bayesian")),
        *([Method("blop (Ax)", blop.suggest)] if find_spec("blop") and find_spec("ax") else []),
        Method("Sobol", _by_policy("sobol")),
        Method("random", _by_policy("random")),
    )
    return {one.name: one for one in found}
