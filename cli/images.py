"""`morpholoop representativity`: whether segmented images are enough."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import typer
from numpy.typing import NDArray

from cli.output import console, emit
from models.errors import UnusableInput
from models.micrographs import find_images, open_image
from models.representativity import Representativity, estimate, estimate_phases

CONFIDENCE = 0.95
TARGET_ERROR = 0.05


def representativity(
    images: list[Path] = typer.Argument(
        ..., metavar="IMAGE…", help="Segmented images; several are one stack."
    ),
    phase: float | None = typer.Option(
        None, "--phase", help="Pixel value of the phase (default: the larger of two)."
    ),
    each_phase: bool = typer.Option(False, "--each-phase", help="Tell it of every pixel value."),
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
    if each_phase and phase is not None:
        raise UnusableInput("Give --phase for one phase or --each-phase for all, not both.")
    if method not in ("calibrated", "imagerep"):
        raise UnusableInput(f"--method {method}: expected calibrated or imagerep.")
    arrays: list[NDArray[Any]] = []
    for file in find_images(images):
        pages = [_values(page) for page in open_image(file).pages]
        arrays += [_volume(pages, file)] if volume else pages
    known: Literal["calibrated", "imagerep"] = "imagerep" if method == "imagerep" else "calibrated"
    if each_phase:
        every = estimate_phases(arrays, confidence, target_error, known)
        _check_contrast(*every.values())
        phases = {f"{value:.15g}": one for value, one in every.items()}
        emit({"confidence": confidence, "phases": phases}, as_json, lambda: _all_told(phases))
        representative = all(one.representative for one in every.values())
    else:
        found = estimate(arrays, confidence, target_error, known, phase)
        _check_contrast(found)
        emit(found, as_json, lambda: _told(found))
        representative = found.representative
    if require and not representative:
        raise typer.Exit(1)


def _check_contrast(*phases: Representativity) -> None:
    if any(found.phase_fraction in (0, 1) for found in phases):
        raise UnusableInput(
            "The images have no contrast: all their pixels are of one phase, so nothing bounds its fraction; "
            "give images that show another phase too."
        )


def _all_told(phases: dict[str, Representativity]) -> str:
    return "\n\n".join(f"Pixel value {value}: {_told(found)}" for value, found in phases.items())


def _told(found: Representativity) -> str:
    for warning in found.warnings:
        console.print(f"[yellow]{warning}[/yellow]")
    if not np.isfinite(found.abs_error):
        return f"Phase fraction {found.phase_fraction:.4f}; the interval cannot be told."
    images = f"{found.n_fields} image{'s' if found.n_fields != 1 else ''}"
    what = "The image is" if found.n_fields == 1 else "The images together are"
    if found.further_fields == 0:
        verdict = f"{what} representative at ±{100 * found.target_error:.3g} %."
    else:
        count = found.further_fields
        more = (
            "over 10,000 further images" if count is None else f"{count:,} further image{'s' * (count > 1)}"
        )
        verdict = (
            f"{what} not representative at ±{100 * found.target_error:.3g} %: that takes {more} of the "
            f"same size, or one image of {found.required_size_px:.0f} px a side."
        )
    return (
        f"Phase fraction {found.phase_fraction:.4f}, {100 * found.confidence:.3g} % interval "
        f"{found.ci[0]:.4f} – {found.ci[1]:.4f} (±{found.rel_error:.2%} relative)\n"
        f"Integral range {found.integral_range_px:.3g} px: {images} with "
        f"{found.effective_samples:.0f} independent samples\n{verdict}"
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
