"""`morpholoop representativity`: whether segmented images are enough."""

from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from cli.output import console, emit
from models.errors import UnusableInput
from models.micrographs import find_images, open_image
from models.representativity import Representativity, estimate

CONFIDENCE = 0.95
TARGET_ERROR = 0.05


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
