"""From measured experiments to a fine-tuned version: tiles at the generator's scale, gate, registry."""

import contextlib
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from campaigns.ledger import ExperimentRecord, Ledger, Micrograph
from flows.store import verify
from models.errors import UnusableInput
from models.generator import Generator, registry
from models.generator.export import save
from models.generator.finetuning import NewTiles, fine_tune
from models.generator.gate import gate
from models.generator.record import ReferencePoint
from models.learning.tiles import cut_tiles
from models.micrographs import read
from models.values import Conditions, Interval


@dataclass(frozen=True)
class MeasuredExperiment:
    """Conditions, micrographs and measured descriptors of one experiment."""

    conditions: Conditions
    micrographs: tuple[Micrograph, ...]
    measured: Mapping[str, Interval]


@dataclass(frozen=True)
class FineTuned:
    """What became of a fine-tuning: the candidate's version, whether it took over, and why."""

    version: str
    promoted: bool
    reason: str
    metrics: Mapping[str, object]


def measured_experiment(ledger: Ledger, experiment: ExperimentRecord) -> MeasuredExperiment:
    """What the ledger has of an experiment."""
    return MeasuredExperiment(
        experiment.conditions,
        ledger.micrographs(experiment.id, kind="measured"),
        {one.descriptor: one.interval for one in ledger.measurements(experiment.id)},
    )


def fine_tune_and_gate(
    generator: Generator,
    trained: Sequence[MeasuredExperiment],
    held_out: Sequence[MeasuredExperiment],
    *,
    steps: int,
    replay: float,
    min_improvement: float,
    seed: int,
    created: str,
    home: Path,
    progress: Callable[[int, int], None] | None = None,
) -> FineTuned | None:
    """Fine-tune on ``trained``, compare with the present version on held-out conditions, register if better.

    The same data, seed and ``created`` give the same version, so that one killed half-way is simply redone.
    None: no field of view is as large as a tile, so there is nothing to learn from.
    """
    tiles = _tiles(generator, trained)
    if not tiles:
        return None
    candidate = fine_tune(
        generator, tiles, replay=replay, steps=steps, seed=seed, created=created, progress=progress
    )
    try:
        report = gate(candidate, generator, [_reference(one) for one in held_out])
    except UnusableInput as cannot_judge:
        # What cannot be judged never takes over; the campaign goes on with the version that it has.
        return FineTuned(candidate.version, False, str(cannot_judge), {})
    gained = report.candidate_error <= report.current_error * (1.0 - min_improvement)
    promoted = report.promote and gained
    reason = report.reason
    if report.promote and not gained:
        reason += f", but not by the {100 * min_improvement:g} % that the campaign asks for"
    if promoted:
        _register(candidate, home)
    metrics = {
        "candidate_error": report.candidate_error,
        "current_error": report.current_error,
        "conditions": report.n_conditions,
        **{f"candidate_{name}": _finite(value) for name, value in report.candidate_errors.items()},
        **{f"current_{name}": _finite(value) for name, value in report.current_errors.items()},
    }
    return FineTuned(candidate.version, promoted, reason, metrics)


def _register(candidate: Generator, home: Path) -> None:
    with tempfile.TemporaryDirectory(dir=home, prefix=".fine-tuned-") as folder:
        target = Path(folder) / candidate.version
        save(candidate, target)
        registry.register(target, home)


def _tiles(generator: Generator, experiments: Sequence[MeasuredExperiment]) -> list[NewTiles]:
    """Tiles of every field at the generator's pixel size, by condition and magnification."""
    made = []
    for one in experiments:
        by_magnification: dict[int, list[NDArray[np.float32]]] = {}
        for micrograph in one.micrographs:
            magnification = round(micrograph.magnification)
            if magnification not in generator.schema.magnifications:
                continue
            verify(micrograph.path, micrograph.sha256)
            (page,) = read(micrograph.path)
            with contextlib.suppress(UnusableInput):  # smaller than a tile, or coarser
                tiles = cut_tiles(
                    page.pixels,
                    page.pixel_size_um,
                    tile_pixel_um=generator.pixel_size_um(magnification),
                    tile_size=generator.record.tile_size,
                )
                by_magnification.setdefault(magnification, []).extend(tiles)
        made += [
            NewTiles(one.conditions, magnification, np.stack(tiles))
            for magnification, tiles in sorted(by_magnification.items())
        ]
    return made


def _reference(one: MeasuredExperiment) -> ReferencePoint:
    return ReferencePoint(
        conditions=one.conditions,
        descriptors={name: interval.value for name, interval in one.measured.items()},
        split="campaign",
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
