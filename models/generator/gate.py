"""The gate: a candidate takes over only when it predicts held-out conditions better than the current one."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import UnusableInput
from models.generator.describe import is_positive
from models.generator.evaluation import generated_descriptors
from models.generator.generator import Generator
from models.generator.record import ReferencePoint

GATE_IMAGES = 3
WORST_RISE = 1.25
"""No single descriptor's error may grow by more than this factor, however good the mean is."""
MARGIN = 0.005
"""A candidate must be better by half a percent: equal is not better."""


@dataclass(frozen=True)
class GateReport:
    """Errors by descriptor on held-out conditions, each in units of the spread of its reference values.

    Both versions saw the same noise; ``reason`` says in words why the candidate was promoted or not.
    """

    promote: bool
    reason: str
    candidate_error: float
    current_error: float
    candidate_errors: Mapping[str, float]
    current_errors: Mapping[str, float]
    n_conditions: int


def gate(
    candidate: Generator,
    current: Generator,
    held_out: Sequence[ReferencePoint] = (),
    *,
    images: int = GATE_IMAGES,
    seed: int = 20_001,
) -> GateReport:
    """Compare both on the held-out conditions stored with ``current`` and on ``held_out`` (of a campaign).

    Campaign measurements weigh as much together as the stored conditions do, because they are of the plant
    that the campaign runs on. Errors: :class:`UnusableInput` when there is nothing to compare on.
    """
    stored = current.record.held_out
    points = [*stored, *held_out]
    if not points:
        raise UnusableInput(
            "The gate needs held-out conditions with measured descriptors, and there are none."
        )
    share = len(stored) / len(held_out) if stored and held_out else 1.0
    weights = np.array([1.0] * len(stored) + [share] * len(held_out))
    with ThreadPoolExecutor(2) as pool:
        errors = list(pool.map(lambda g: _errors(g, points, weights, images, seed), (candidate, current)))
    names = [name for name in errors[1] if np.isfinite(errors[1][name])]
    if not names:
        raise UnusableInput("None of the held-out conditions has a descriptor that this generator shows.")
    means = [float(np.mean([found[name] for name in names])) for found in errors]
    worse = {n: errors[0][n] / max(errors[1][n], 1e-9) for n in names}
    worst = max(worse, key=lambda n: worse[n] if np.isfinite(worse[n]) else np.inf)
    if not np.isfinite(means[0]):
        promote, reason = False, "the candidate's images have descriptors that cannot be measured"
    elif means[0] >= means[1] * (1.0 - MARGIN):
        promote, reason = False, f"its mean error {means[0]:.3f} is not below the current {means[1]:.3f}"
    elif worse[worst] > WORST_RISE:
        promote, reason = False, f"its error in {worst} is {worse[worst]:.2f} times the current one"
    else:
        promote, reason = True, f"its mean error {means[0]:.3f} is below the current {means[1]:.3f}"
    return GateReport(promote, reason, means[0], means[1], errors[0], errors[1], len(points))


def _errors(
    generator: Generator,
    points: Sequence[ReferencePoint],
    weights: NDArray[np.float64],
    images: int,
    seed: int,
) -> dict[str, float]:
    generated = generated_descriptors(
        generator, [p.conditions for p in points], n=images, seed=seed, common_noise=True
    )
    errors = {}
    for name, values in generated.items():
        measured = np.array([p.descriptors.get(name, np.nan) for p in points])
        predicted = generator.calibrated(name, values, [p.conditions for p in points])
        if is_positive(name):
            measured, predicted = np.log(measured), np.log(predicted)
        known = np.isfinite(measured)
        if known.sum() < 2:
            errors[name] = float("nan")
            continue
        spread = max(float(np.std(measured[known])), 1e-6)
        # A descriptor that cannot be measured on generated images leaves NaN, which fails the candidate.
        error = np.abs(predicted[known] - measured[known]) / spread
        errors[name] = float(np.average(error, weights=weights[known]))
    return errors
