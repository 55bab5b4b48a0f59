"""`morpholoop quantify`: what images show, in numbers, pictures and a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.measuring import Job, Page, all_cores, measure_files
from cli.output import console, emit
from cli.overlays import Album
from cli.particle_table import check_place, write_table
from models.errors import UnusableInput
from models.micrographs import find_images
from models.morphology import all_measures, known_descriptors, measure_of
from models.morphology.diffraction import AGREEMENT, Diffraction
from models.morphology.segmenters import DEFAULT, segmenter_names
from models.morphology.segmenters import segmenter as segmenter_named
from models.representativity import descriptor_intervals
from models.values import Interval

CONFIDENCE = 0.95
TARGET_ERROR = 0.05
ALWAYS_SHOWN = ("particles", "texture")


def quantify(
    images: list[Path] = typer.Argument(..., metavar="IMAGE…", help="Image files, or folders of them."),
    kind: str = typer.Option(
        "auto", "--kind", help="particles, texture, phase, grains, a plug-in's, or auto (per image)."
    ),
    pixel_size_um: float | None = typer.Option(
        None, "--pixel-size-um", help="Pixel size in µm (default: what the file says)."
    ),
    segmenter: str = typer.Option(DEFAULT, "--segmenter", help=f"One of {', '.join(segmenter_names())}."),
    sam_checkpoint: Path | None = typer.Option(
        None,
        "--sam-checkpoint",
        help="Weights of Segment Anything, e.g. sam_vit_b_01ec64.pth, or of your own for `learned`.",
    ),
    overlay: Path | None = typer.Option(None, "--overlay", help="Folder for images with outlines drawn on."),
    masks: Path | None = typer.Option(None, "--masks", help="Folder for 16-bit label images."),
    table: Path | None = typer.Option(None, "--table", help="File for a row per particle: .csv or .parquet."),
    psa_d50: str | None = typer.Option(
        None, "--psa-d50", help='D50 by laser diffraction to compare with, e.g. "7.9 um".'
    ),
    keep_doubtful: bool = typer.Option(
        False, "--keep-doubtful", help="Use images that are saturated, charged or out of focus too."
    ),
    jobs: int = typer.Option(0, "--jobs", min=0, help="Processes to measure with (default: all cores)."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Measure particles, texture, phases or grains in SEM images, and pool them with confidence intervals.

    Example: morpholoop quantify fields/ --overlay outlines --table particles.csv
    """
    if kind != "auto" and kind not in all_measures():
        raise UnusableInput(f"--kind {kind}: expected auto or one of {', '.join(sorted(all_measures()))}.")
    psa_um = None if psa_d50 is None else _psa(psa_d50)
    if table is not None:
        check_place(table)
    # What is wrong with it is told before any work is done.
    segmenter_named(segmenter, sam_checkpoint)
    files = find_images(images)
    outlines, labels = (Album(folder) if folder is not None else None for folder in (overlay, masks))
    tasks = [
        Job(
            file,
            kind,
            pixel_size_um,
            segmenter,
            sam_checkpoint,
            keep_doubtful,
            overlay=None if outlines is None else outlines.place(file),
            masks=None if labels is None else labels.place(file),
            tabled=table is not None,
        )
        for file in files
    ]
    with _progress() as progress:
        task = progress.add_task("Measuring", total=len(files))
        pages = measure_files(tasks, jobs or all_cores(), lambda: progress.advance(task))
    usable = [page for page in pages if page.refused is None]
    if table is not None:
        write_table(table, [row for page in pages for row in page.rows])
    if not usable:
        raise UnusableInput(_nothing_left(pages))
    # In the order of their names, so that the last digits do not depend on how the images were listed.
    ordered = sorted(usable, key=lambda page: (str(page.file), page.number or 0))
    pooled = descriptor_intervals([page.found for page in ordered], CONFIDENCE, TARGET_ERROR)
    rows = [_image_row(page) for page in pages]
    result: dict[str, Any] = {
        "images": rows,
        "pooled": {name: _pooled_row(interval) for name, interval in pooled.items()},
    }
    compared = None if psa_um is None else _diffraction(psa_um, pooled)
    if compared is not None:
        result["laser_diffraction"] = _diffraction_row(compared)
    emit(result, as_json, lambda: _told(rows, pooled, compared))


def _psa(text: str) -> float:
    from pydantic_core import PydanticCustomError

    from campaigns.specification.quantities import in_unit

    try:
        size = in_unit(text, "µm")
    except PydanticCustomError:
        size = 0.0
    if size <= 0:
        raise UnusableInput(f'--psa-d50 {text}: expected a length above zero, such as "7.9 um" or "790 nm".')
    return size


def _nothing_left(pages: Sequence[Page]) -> str:
    first, more = pages[0], len(pages) - 1
    where = f"{first.file}" if first.number is None else f"{first.file}, page {first.number},"
    others = f", and {more} more cannot be measured either" if more else ""
    return (
        f"{where} cannot be trusted: it is {first.refused}{others}; take it again, "
        "or give --keep-doubtful to measure it all the same."
    )


def _diffraction(psa_um: float, pooled: dict[str, Interval]) -> Diffraction:
    if "d50_volume_um" not in pooled:
        raise UnusableInput("--psa-d50 compares sizes of particles, and no image was measured for particles.")
    return Diffraction(psa_um, pooled["d50_volume_um"].value, pooled["d50_um"].value)


def _diffraction_row(compared: Diffraction) -> dict[str, Any]:
    return {
        "psa_d50_um": compared.psa_d50_um,
        "d50_volume_um": compared.d50_volume_um,
        "ratio": compared.ratio,
        "number_ratio": compared.number_ratio,
        "agreement": AGREEMENT,
        "within": compared.within,
    }


def _image_row(page: Page) -> dict[str, Any]:
    """One image as promised: every particle and texture descriptor, null where it was not measured."""
    names = [name for kind in ALWAYS_SHOWN for name in all_measures()[kind].descriptors]
    found = page.found
    used = page.refused is None
    row: dict[str, Any] = {
        "path": page.file,
        "pixel_size_um": page.pixel_size_um,
        "kind": found.kind,
        "n_particles": found.n if used and found.kind == "particles" else 0,
        **dict.fromkeys(names),
        **(measure_of(found.kind).pool([found]) if used else {}),
        "refused": page.refused,
        "warnings": list(page.warnings),
    }
    return row if page.number is None else {**row, "page": page.number}


def _pooled_row(interval: Interval) -> dict[str, Any]:
    return {
        "value": interval.value,
        "ci": [interval.low, interval.high],
        "confidence": interval.confidence,
        "n_fields": interval.n_fields,
        "fields_needed": interval.fields_needed,
    }


def _told(rows: list[dict[str, Any]], pooled: dict[str, Interval], compared: Diffraction | None) -> Table:
    for row in rows:
        page = f", page {row['page']}" if "page" in row else ""
        for warning in row["warnings"]:
            console.print(f"{Path(row['path']).name}{page}: {warning}", style="yellow", markup=False)
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
    if compared is not None:
        table.caption = (
            f"Volume-weighted D50 is {compared.ratio:.3f} of laser diffraction (PSA), "
            f"{'within' if compared.within else 'not within'} ±{AGREEMENT:.0%} "
            f"(number-weighted: {compared.number_ratio:.3f})."
        )
        table.caption_justify = "left"
    return table


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
