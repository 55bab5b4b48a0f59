"""`morpholoop model train` and `fine-tune`."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from cli.output import emit
from models.errors import UnusableInput

if TYPE_CHECKING:
    from models.generator.finetuning import NewTiles
    from models.generator.generator import Generator
    from models.generator.record import ReferencePoint

_JSON = typer.Option(False, "--json", help="Print one JSON object.")


def train(
    dataset: str = typer.Argument(
        ..., help="Data set: a name (`dataset list`), or a folder, e.g. from `morpholoop simulate`."
    ),
    out: Path = typer.Option(..., "--out", help="Folder of the run; a stopped run continues there."),
    name: str = typer.Option("model-1", "--name", help="Name of the version."),
    seed: int = typer.Option(0, "--seed", min=0, help="Seed of weights and batches."),
    processes: int = typer.Option(
        2, "--processes", min=1, help="Processes that train together, a thread each."
    ),
    until: str = typer.Option(
        "evaluate",
        "--until",
        help="Last stage: vae, joint, controlnet, guided, matched, calibrate, evaluate.",
    ),
    base: str = typer.Option(
        "",
        "--base",
        help="Folder or hub name of a base of Stable Diffusion 1.5's shape, in place of the built-in one.",
    ),
    start: str = typer.Option(
        "",
        "--start",
        help="Version to go on from, with the last stage, on the data that it was trained on.",
    ),
    accumulate: int = typer.Option(
        1, "--accumulate", min=1, help="Batches whose gradients make one step, for want of memory."
    ),
    steps: list[str] = typer.Option(
        [],
        "--steps",
        metavar="STAGE=N",
        help="Length of a stage, e.g. joint=20000; matched=0 leaves that stage out. May be repeated.",
    ),
    note: str = typer.Option("", "--note", help="Remark for the version's lineage."),
    register: bool = typer.Option(
        True, help="Add the finished version to the registry (it is not promoted)."
    ),
    as_json: bool = _JSON,
) -> None:
    """Train a generator from labelled tiles, stage by stage; the same command again continues it.

    Example: morpholoop model train data/lmr --out runs/lmr-6 --name lmr-6
    """
    from models.generator import registry
    from models.generator.plan import STAGES, TrainingPlan
    from models.generator.team import leads
    from models.generator.train import train as run_training
    from models.learning.datasets import find_dataset

    if until not in STAGES:
        raise UnusableInput(f"--until {until}: expected one of {', '.join(STAGES)}.")
    plan = TrainingPlan(name=name, seed=seed, processes=processes, base=base, start=start, note=note)
    plan = plan.changed(_lengths(steps), accumulate)
    began = time.perf_counter()
    with _stdout_to_stderr():
        folder = run_training(find_dataset(dataset), out, plan, until=until)
    if not leads():
        return
    registered = registry.register(folder) if folder is not None and register else None
    result = {
        "version": name,
        "folder": folder,
        "run": out,
        "until": until,
        "registered": registered is not None,
        "seconds": time.perf_counter() - began,
    }
    emit(result, as_json, lambda: f"{name}: {folder or f'stage {until} done'} ({result['seconds']:.0f} s)")


def _lengths(settings: list[str]) -> dict[str, int]:
    """Steps by stage, as ``--steps`` gives them."""
    from models.generator.plan import TRAINED

    lengths = {}
    for setting in settings:
        stage, _, number = (part.strip() for part in setting.partition("="))
        least = 0 if stage == "matched" else 1
        if stage not in TRAINED or not number.isdecimal() or int(number) < least:
            raise UnusableInput(
                f"--steps {setting}: expected STAGE=N, with one of {', '.join(TRAINED)} "
                f"and {least} steps or more."
            )
        lengths[stage] = int(number)
    return lengths


def fine_tune(
    data: Path = typer.Argument(..., help="CSV of labelled micrographs, or a folder of labelled tiles."),
    version: str | None = typer.Option(
        None, "--model", help="Version to start from (default: the current one)."
    ),
    steps: int = typer.Option(200, "--steps", min=1, help="Training steps."),
    seed: int = typer.Option(0, "--seed", min=0),
    promote: bool = typer.Option(False, "--promote", help="Make it current if the gate lets it through."),
    as_json: bool = _JSON,
) -> None:
    """Fine-tune a version on measured micrographs, with replay, and put it to the gate.

    The CSV has the columns image, magnification, one per parameter, and optionally pixel_size_um and split
    (other than "train": held out, to judge on). The candidate is registered; it becomes current only with
    --promote and only if it predicts held-out conditions better. Exit status 1 when it does not. Example:
    morpholoop model fine-tune measured.csv --steps 200 --promote
    """
    from models.generator import load, registry
    from models.generator.export import save
    from models.generator.finetuning import fine_tune as tune
    from models.generator.gate import gate

    began = time.perf_counter()
    current = load(version)
    tiles, held_out = _labelled(data, current)
    with _stdout_to_stderr():
        candidate = tune(current, tiles, steps=steps, seed=seed)
        report = gate(candidate, current, held_out)
    with tempfile.TemporaryDirectory(prefix="morpholoop-candidate-") as folder:
        save(candidate, Path(folder) / candidate.version)
        name = registry.register(Path(folder) / candidate.version)
    if promote and report.promote:
        registry.promote(name)
    result = {
        "version": name,
        "parent": current.version,
        "gate": report,
        "promoted": promote and report.promote,
        "tiles": sum(len(one.pixels) for one in tiles),
        "seconds": time.perf_counter() - began,
    }
    verdict = "passes the gate" if report.promote else "does not pass the gate"
    emit(result, as_json, lambda: f"{name} {verdict}: {report.reason}.")
    if not report.promote:
        raise typer.Exit(1)


def _labelled(data: Path, generator: "Generator") -> tuple[list["NewTiles"], list["ReferencePoint"]]:
    """Tiles to learn from, and held-out conditions with their measured descriptors to judge on."""
    from models.generator.dataset import TRAIN, read_dataset
    from models.generator.describe import describe, tile_descriptors
    from models.generator.finetuning import NewTiles
    from models.generator.record import ReferencePoint
    from models.learning.labelled import read_labelled

    if data.is_dir():
        dataset = read_dataset(data)
        tiles = [
            NewTiles(dataset.conditions[row], m, found.of_row(row).astype(np.float32) / np.float32(255))
            for m, found in dataset.tiles.items()
            for row in dataset.rows_in(TRAIN)
            if (found.rows == row).any()
        ]
        held_out = [
            ReferencePoint(
                conditions=dataset.conditions[row], descriptors=_finite(tile_descriptors(dataset, row))
            )
            for row in dataset.rows_in(*dataset.held_out_splits)
        ]
        return tiles, held_out
    labelled = read_labelled(data, generator.schema, generator.record.tile_size)
    measured: dict[tuple[Any, ...], dict[str, float]] = {}
    for one in labelled:
        if one.split != TRAIN:
            info = generator.schema.magnification(one.magnification)
            found_here = describe(one.pixels, info.pixel_size_um, info.descriptors)
            measured.setdefault(tuple(sorted(one.conditions.items())), {}).update(_finite(found_here))
    return (
        [NewTiles(one.conditions, one.magnification, one.pixels) for one in labelled if one.split == TRAIN],
        [ReferencePoint(conditions=dict(key), descriptors=values) for key, values in measured.items()],
    )


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value == value}


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Training prints its progress, also from processes of its own; standard output is for the result."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
