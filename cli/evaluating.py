"""`morpholoop model evaluate`: predicted against measured on conditions that were not trained on."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Group

from cli.output import console, emit
from cli.version_card import scores_tables
from models.errors import UnusableInput

if TYPE_CHECKING:
    from models.generator.record import DescriptorScore, ReferencePoint


def evaluate(
    version: str | None = typer.Argument(
        None, metavar="VERSION", help="Version or folder (default: current)."
    ),
    n: int = typer.Option(16, "-n", "--number", min=1, help="Images per condition and magnification."),
    data: str | None = typer.Option(
        None, "--data", help="Data set whose held-out conditions to use (default: those stored with it)."
    ),
    seed: int = typer.Option(10_002, "--seed", min=0),
    out: Path | None = typer.Option(
        None, "--out", help="Folder for pictures: predicted against measured, and a plane of two parameters."
    ),
    plane: str | None = typer.Option(
        None, "--plane", metavar="X,Y", help="The plane's parameters, e.g. pH,nh4oh_factor (default: two)."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Compare predicted with measured descriptors on conditions that the version was not trained on.

    R² (with a 95 % interval over conditions) and errors are computed now; PSNR and SSIM (reconstructed, and
    denoised in one step, against held-out micrographs) are those of the export. Example: morpholoop model
    evaluate lmr-6 -n 16 --out figures
    """
    from cli.evaluation_pictures import draw_parity, draw_plane, plane_parameters
    from models.generator import load
    from models.generator.evaluation import generated_descriptors, score

    began = time.perf_counter()
    generator = load(version)
    record = generator.record
    points = _stored(record.held_out, record.version) if data is None else _measured(data, generator)
    axes = plane_parameters(generator.schema, plane) if out is not None else None
    scores: dict[str, Mapping[str, DescriptorScore]] = {}
    predicted: dict[str, Any] = {}
    for split in dict.fromkeys(point.split for point in points):
        here = [point for point in points if point.split == split]
        with console.status(f"Drawing {n} images for each of {len(here)} conditions ({split})"):
            generated = generated_descriptors(generator, [p.conditions for p in here], n=n, seed=seed)
        scores[split] = score(generator, generated, here)
        predicted[split] = {
            name: generator.calibrated(name, values, [p.conditions for p in here])
            for name, values in generated.items()
        }
    if out is not None and axes is not None:
        out.mkdir(parents=True, exist_ok=True)
        draw_parity(points, predicted, scores, out / "parity.png")
        with console.status("Drawing the plane"):
            draw_plane(generator, axes, out / "plane.png", seed=seed)
    metrics = record.metrics
    result = {
        "version": record.version,
        "descriptors": scores,
        "psnr": {"reconstruction": metrics.reconstruction_psnr, "denoising": metrics.denoising_psnr},
        "ssim": {"reconstruction": metrics.reconstruction_ssim, "denoising": metrics.denoising_ssim},
        "images_per_condition": n,
        "stored": metrics.descriptors,
        "seconds": time.perf_counter() - began,
    }
    emit(result, as_json, lambda: Group(*scores_tables(record.version, scores)))


def _stored(points: Sequence["ReferencePoint"], version: str) -> Sequence["ReferencePoint"]:
    if not points:
        raise UnusableInput(
            f"{version} was stored without held-out conditions, so there is nothing to compare with; "
            "give a data set that holds some out with --data."
        )
    return points


def _measured(data: str, generator: Any) -> list["ReferencePoint"]:
    """Held-out conditions of a data set, measured on its tiles."""
    from models.generator.dataset import read_dataset
    from models.generator.describe import tile_descriptors
    from models.generator.record import ReferencePoint
    from models.generator.schema import same_parameters
    from models.learning.datasets import find_dataset

    dataset = read_dataset(find_dataset(data))
    if not same_parameters(dataset.schema.parameters, generator.schema.parameters):
        raise UnusableInput(
            f"The data set {dataset.folder.name} is about other parameters than {generator.version}; "
            "give one of the same parameters."
        )
    rows = dataset.rows_in(*dataset.held_out_splits)
    if not rows:
        raise UnusableInput(f"The data set {dataset.folder.name} holds no condition out; give another one.")
    points = []
    for row in _tracked(rows):
        values = {name: value for name, value in tile_descriptors(dataset, row).items() if value == value}
        points.append(
            ReferencePoint(conditions=dataset.conditions[row], descriptors=values, split=dataset.splits[row])
        )
    return points


def _tracked(rows: Sequence[int]) -> Any:
    """A bar on standard error while tiles are measured."""
    from rich.progress import track

    return track(rows, description="Measuring held-out tiles", console=console, transient=True)
