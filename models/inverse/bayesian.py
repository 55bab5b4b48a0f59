"""Bayesian optimisation on what was measured, through BoTorch (an optional extra), without a generator.

One Gaussian process for each target's descriptor, and the expected improvement of the composite objective:
that the misses are squared is known and need not be learnt (Astudillo & Frazier, "Bayesian optimization of
composite functions", ICML 2019). The acquisition is BoTorch's LogEI (Ament et al., NeurIPS 2023).
"""

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.errors import UnusableInput
from models.inverse.objective import Objective
from models.inverse.result import Candidate, InverseResult
from models.inverse.space import Array, UnitCube
from models.learning.corrected import REACH
from models.learning.observations import Observation
from models.values import Conditions, Estimate, Target

POOL = 1024
"""Feasible points of a Sobol design at which the acquisition is looked at before the walk from the best."""
ROUNDS = 20
SAMPLES = 256
BATCH = 256


def bayesian_point(
    cube: UnitCube,
    targets: Sequence[Target],
    observations: Sequence[Observation],
    *,
    candidates: int,
    seed: int,
    positive: Mapping[str, bool],
) -> InverseResult:
    """Where the largest improvement on the best experiment is expected; never where one was measured.

    ``positive``: which descriptors are modelled as logarithms. Errors: :class:`UnusableInput` where BoTorch
    is not installed, or a target was never measured.
    """
    torch, began = _botorch(), time.perf_counter()
    objective = Objective(targets)
    known = [one.conditions for one in observations]
    measured = {cube.key(conditions) for conditions in known}
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        # With few points its optimiser restarts, and says so; what it finds in the end is used.
        warnings.simplefilter("ignore")
        process, scales = _fit(cube, objective.targets, observations, positive)
        acquisition = _acquisition(process, objective, scales, cube.encode_many(known))
        pool = [cube.decode(point) for point in cube.sample(POOL, seed)]
        value: dict[Any, float] = {}

        def look(many: Sequence[Conditions]) -> None:
            fresh = {cube.key(c): c for c in many if cube.key(c) not in value and cube.key(c) not in measured}
            for key, found in zip(fresh, acquisition(cube.encode_many(list(fresh.values()))), strict=True):
                value[key], seen[key] = float(found), fresh[key]

        seen: dict[Any, Conditions] = {}
        look(pool)
        for _ in range(ROUNDS):
            best = max(value, key=value.__getitem__)
            look(cube.neighbours(seen[best]))
            if max(value, key=value.__getitem__) == best:
                break
        ranked = sorted(value, key=value.__getitem__, reverse=True)[:candidates]
        chosen = [seen[key] for key in ranked]
        predicted = _predicted(process, objective.targets, scales, cube.encode_many(chosen))
    made = []
    for conditions, estimates in zip(chosen, predicted, strict=True):
        score = objective.score(estimates)
        nearest = min(cube.distance(conditions, other) for other in known)
        # Nothing but the measured experiments vouches for a prediction.
        distance = nearest / REACH
        made.append(Candidate(conditions, estimates, score.total, score, distance <= 1.0, distance, nearest))
    return InverseResult(
        best=made[0],
        candidates=tuple(made),
        evaluations=len(value),
        distinct_evaluations=len(value),
        images_generated=0,
        seconds=time.perf_counter() - began,
        converged_at=0,
        model=f"botorch+{len(observations)}",
        history=(),
        policy="bayesian",
    )


def _botorch() -> Any:
    try:
        with warnings.catch_warnings():
            # It is compiled by means that torch means to give up.
            warnings.simplefilter("ignore")
            import botorch  # noqa: F401
            import torch
    except ImportError as error:
        raise UnusableInput(
            "The optimiser 'bayesian' needs BoTorch, which is not installed; "
            "install morpholoop with the extra `bayesian`, or choose another optimiser."
        ) from error
    return torch


def _fit(
    cube: UnitCube,
    targets: Sequence[Target],
    observations: Sequence[Observation],
    positive: Mapping[str, bool],
) -> tuple[Any, tuple[bool, ...]]:
    """The processes of all targets together, and which of them are of logarithms."""
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.models.transforms.outcome import Standardize
    from gpytorch.mlls import SumMarginalLogLikelihood

    models, scales = [], []
    for target in targets:
        pairs = [(one.conditions, one.estimate(target.descriptor)) for one in observations]
        found = [(conditions, estimate) for conditions, estimate in pairs if estimate is not None]
        if len(found) < 2:
            raise UnusableInput(
                f"{target.descriptor} was measured in {len(found)} experiments; Bayesian optimisation needs "
                "it in at least 2."
            )
        mean = np.array([estimate.mean for _, estimate in found])
        sd = np.array([estimate.sd for _, estimate in found])
        logarithmic = positive.get(target.descriptor, False) and bool((mean > 0).all())
        if logarithmic:
            mean, sd = np.log(mean), sd / mean
        points = torch.from_numpy(cube.encode_many([conditions for conditions, _ in found]))
        models.append(
            SingleTaskGP(
                points,
                torch.from_numpy(mean[:, None]),
                torch.from_numpy(np.maximum(sd, 1e-4)[:, None] ** 2),
                outcome_transform=Standardize(1),
            )
        )
        scales.append(logarithmic)
    process = ModelListGP(*models)
    fit_gpytorch_mll(SumMarginalLogLikelihood(process.likelihood, process))
    return process, tuple(scales)


def _acquisition(process: Any, objective: Objective, scales: Sequence[bool], measured: Array) -> Any:
    """Log expected improvement (n,) at points (n, d), as a function."""
    import torch
    from botorch.acquisition import qLogNoisyExpectedImprovement
    from botorch.acquisition.objective import GenericMCObjective
    from botorch.sampling import SobolQMCNormalSampler

    targets = objective.targets
    low = torch.tensor([target.low for target in targets], dtype=torch.float64)
    high = torch.tensor([target.high for target in targets], dtype=torch.float64)
    scale = torch.tensor([target.scale for target in targets], dtype=torch.float64)
    weight = torch.tensor([target.weight for target in targets], dtype=torch.float64)
    logarithmic = torch.tensor(scales)

    def gain(samples: Any, X: Any = None) -> Any:
        values = torch.where(logarithmic, samples.clamp(max=50.0).exp(), samples)
        misses = values - torch.minimum(torch.maximum(values, low), high)
        return -(weight * (misses / scale) ** 2).sum(dim=-1)

    function = qLogNoisyExpectedImprovement(
        process,
        torch.from_numpy(measured),
        sampler=SobolQMCNormalSampler(torch.Size([SAMPLES]), seed=0),
        objective=GenericMCObjective(gain),
        prune_baseline=False,
    )

    def evaluated(points: Array) -> Array:
        parts = [points[start : start + BATCH] for start in range(0, len(points), BATCH)]
        with torch.no_grad():
            found = [function(torch.from_numpy(part)[:, None, :]).numpy() for part in parts]
        return np.concatenate(found) if found else np.empty(0)

    return evaluated


def _predicted(
    process: Any, targets: Sequence[Target], scales: Sequence[bool], points: Array
) -> list[dict[str, Estimate]]:
    import torch

    with torch.no_grad():
        posterior = process.posterior(torch.from_numpy(points))
        mean, sd = posterior.mean.numpy(), posterior.variance.sqrt().numpy()
    rows = []
    for m, s in zip(mean, sd, strict=True):
        row = {}
        for target, one, spread, logarithmic in zip(targets, m, s, scales, strict=True):
            value = math.exp(one) if logarithmic else float(one)
            row[target.descriptor] = Estimate(
                value, abs(value) * float(spread) if logarithmic else float(spread)
            )
        rows.append(row)
    return rows
