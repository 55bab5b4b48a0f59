"""`morpholoop quantify` and `morpholoop representativity`: what images show, and whether they are enough."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.output import console, emit
from cli.overlays import Album, draw_overlay, write_labels
from models.errors import UnusableInput
from models.micrographs import find_images, open_image, read
from models.morphology import FieldMeasurement, all_measures, known_descriptors
from models.morphology.particles import ParticleMeasure
from models.morphology.quantification import measured
from models.morphology.segmenters import segmenter as segmenter_named
from models.representativity import Representativity, descriptor_intervals, estimate
from models.values import Interval

CONFIDENCE = 0.95
TARGET_ERROR = 0.05
ALWAYS_SHOWN = ("particles", "texture")


def quantify(
    images: list[Path] = typer.Argument(..., metavar="IMAGE…", help="Image files, or folders of them."),
    kind: str = typer.Option("auto", "--kind", help="particles, texture, phase or auto (per image)."),
    pixel_size_um: float | None = typer.Option(
        None, "--pixel-size-um", help="Pixel size in µm (default: what the file says)."
    ),
    segmenter: str = typer.Option("classical", "--segmenter", help="classical, or sam with a checkpoint."),
    sam_checkpoint: Path | None = typer.Option(
        None, "--sam-checkpoint", help="Weights of Segment Anything, e.g. sam_vit_b_01ec64.pth."
    ),
    overlay: Path | None = typer.Option(None, "--overlay", help="Folder for images with outlines drawn on."),
    masks: Path | None = typer.Option(None, "--masks", help="Folder for 16-bit label images."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Measure particles, texture or phases in SEM images, and pool them with confidence intervals.

    Example: morpholoop quantify fields/ --overlay outlines --json
    """
    if kind != "auto" and kind not in all_measures():
        raise UnusableInput(f"--kind {kind}: expected auto or one of {', '.join(sorted(all_measures()))}.")
    files = find_images(images)
    particles = ParticleMeasure(segmenter_named(segmenter, sam_checkpoint))
    outlines, labels = (Album(folder) if folder is not None else None for folder in (overlay, masks))
    rows: list[dict[str, Any]] = []
    fields: list[FieldMeasurement] = []
    with _progress() as progress:
        task = progress.add_task("Measuring", total=len(files))
        for file in files:
            pages = read(file, pixel_size_um)
            for number, page in enumerate(pages, start=1):
                measure, found = measured(page.pixels, page.pixel_size_um, kind, particles)
                if found.labels is not None:
                    if outlines is not None:
                        draw_overlay(outlines.place(file, number, len(pages), ".png"), page, found.labels)
                    if labels is not None:
                        write_labels(labels.place(file, number, len(pages), ".tif"), found.labels)
                row = _image_row(file, page.pixel_size_um, found, measure.pool([found]))
                row["warnings"] = [*page.warnings, *found.warnings]
                rows.append(row if len(pages) == 1 else {**row, "page": number})
                # Labels are as large as the image; only the numbers are kept.
                fields.append(replace(found, labels=None))
            progress.advance(task)
    pooled = descriptor_intervals(fields, CONFIDENCE, TARGET_ERROR)
    result = {"images": rows, "pooled": {name: _pooled_row(interval) for name, interval in pooled.items()}}
    emit(result, as_json, lambda: _quantified(rows, pooled))


def representativity(
    images: list[Path] = typer.Argument(
        ..., metavar="IMAGE…", help="Segmented images; several are one stack."
    ),
    phase: float | None = typer.Option(
        None, "--phase", help="Pixel value of the phase (default: the larger of two)."
    ),
    confidence: float = typer.Option(CONFIDENCE, "--confidence", help="Confidence of the interval."),
    target_error: float = typer.Option(TARGET_ERROR, "--target-error", help="Relative error wanted."),
    volume: bool = typer.Option(False, "--volume", help="The pages of each TIFF are one volume."),
    method: str = typer.Option("calibrated", "--method", help="calibrated, or imagerep (as published)."),
    require: bool = typer.Option(False, "--require", help="Exit with 1 unless representative."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Tell how well segmented images tell the phase fraction, and how large an image is needed.

    Example: morpholoop representativity phases.tif --phase 1 --target-error 0.02
    """
    if method not in ("calibrated", "imagerep"):
        raise UnusableInput(f"--method {method}: expected calibrated or imagerep.")
    arrays: list[NDArray[Any]] = []
    for file in find_images(images):
        pages = [_values(page) for page in open_image(file).pages]
        arrays += [_volume(pages, file)] if volume else pages
    found = estimate(
        arrays, confidence, target_error, "imagerep" if method == "imagerep" else "calibrated", phase
    )
    emit(found, as_json, lambda: _told(found, len(arrays)))
    if require and not found.representative:
        raise typer.Exit(1)


def _image_row(
    path: Path, pixel_size_um: float, found: FieldMeasurement, values: dict[str, float]
) -> dict[str, Any]:
    """One image as promised: every particle and texture descriptor, null where it was not measured."""
    names = [name for kind in ALWAYS_SHOWN for name in all_measures()[kind].descriptors]
    row: dict[str, Any] = {
        "path": path,
        "pixel_size_um": pixel_size_um,
        "kind": found.kind,
        "n_particles": found.n if found.kind == "particles" else 0,
        **dict.fromkeys(names),
        **values,
    }
    return row


def _pooled_row(interval: Interval) -> dict[str, Any]:
    return {
        "value": interval.value,
        "ci": [interval.low, interval.high],
        "confidence": interval.confidence,
        "n_fields": interval.n_fields,
        "fields_needed": interval.fields_needed,
    }


def _quantified(rows: list[dict[str, Any]], pooled: dict[str, Interval]) -> Table:
    for row in rows:
        for warning in row["warnings"]:
            console.print(f"[yellow]{Path(row['path']).name}: {warning}[/yellow]")
    table = Table(title=f"{len(rows)} image{'s' if len(rows) != 1 else ''}", title_justify="left")
    for heading in (
        "descriptor",
        "value",
        f"{CONFIDENCE:.0%} interval",
        "fields",
        f"for ±{TARGET_ERROR:.0%}",
    ):
        table.add_column(heading, justify="left" if heading == "descriptor" else "right")
    known = known_descriptors()
    for name, interval in pooled.items():
        unit = f" {known[name].unit}" if known[name].unit else ""
        told = np.isfinite([interval.low, interval.high]).all()
        table.add_row(
            name,
            f"{interval.value:.4g}{unit}",
            f"{interval.low:.4g} – {interval.high:.4g}{unit}" if told else "needs more fields",
            str(interval.n_fields),
            f"{interval.fields_needed} fields" if interval.fields_needed else "–",
        )
    return table


def _told(found: Representativity, number: int) -> str:
    for warning in found.warnings:
        console.print(f"[yellow]{warning}[/yellow]")
    what = "The image is" if number == 1 else "The images together are"
    verdict = f"{what} {'' if found.representative else 'not '}representative"
    return (
        f"Phase fraction {found.phase_fraction:.4f}, {found.confidence:.0%} interval "
        f"{found.ci[0]:.4f} – {found.ci[1]:.4f} (±{found.rel_error:.2%} relative)\n"
        f"Integral range {found.integral_range_px:.3g} px, {number} image{'s' if number != 1 else ''}\n"
        f"{verdict} at ±{found.target_error:.0%}; one image of "
        f"{found.required_size_px:.0f} px a side would be enough."
        if np.isfinite(found.abs_error)
        else f"Phase fraction {found.phase_fraction:.4f}; the interval cannot be told."
    )


def _values(page: NDArray[Any]) -> NDArray[Any]:
    """Pixel values (H, W); colours count as values of their own, grey stored as colour as grey."""
    if page.ndim == 2:
        return page
    colours = page[..., :3] if page.shape[-1] > 2 else page[..., :1]
    if (colours == colours[..., :1]).all():
        return np.ascontiguousarray(colours[..., 0])
    packed = colours.astype(np.int64)
    return np.asarray((packed[..., 0] << 32) | (packed[..., 1] << 16) | packed[..., 2])


def _volume(pages: list[NDArray[Any]], file: Path) -> NDArray[Any]:
    if len(pages) == 1:
        raise UnusableInput(f"{file} has one page; --volume expects a TIFF with one page per slice.")
    if len({page.shape for page in pages}) > 1:
        raise UnusableInput(f"The pages of {file} differ in size; a volume needs slices of one size.")
    return np.stack(pages)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        # A log file wants no bar, and no blank line where it was.
        disable=not console.is_terminal,
    )
