"""`morpholoop generate`, `predict`, `invert` and `model …`: what the generator imagines, predicts and is."""

import time
from pathlib import Path

import typer
from rich.table import Table

from cli.conditions import parse_conditions
from cli.drawing import contact_sheet, draw_conditions
from cli.inversion import invert
from cli.output import console, emit
from cli.versions import model
from models.errors import UnusableInput

__all__ = ["generate", "invert", "model", "predict"]

_SET = typer.Option(
    [], "--set", metavar="NAME=VALUE", help="A synthesis condition, e.g. --set pH=10.5; repeat."
)
_VERSION = typer.Option(
    None, "--model", help="Version name or folder of the generator (default: the current one)."
)
_SEED = typer.Option(0, "--seed", min=0, help="Images of one seed share their noise between conditions.")
_JSON = typer.Option(False, "--json", help="Print one JSON object.")


def generate(
    out: Path = typer.Option(..., "--out", help="Folder for the images."),
    settings: list[str] = _SET,
    n: int = typer.Option(8, "-n", "--number", min=1, max=10_000, help="Images per magnification."),
    magnifications: list[int] = typer.Option(
        [], "--magnification", help="Magnification to draw; repeat (default: all that the model knows)."
    ),
    image_format: str = typer.Option("tiff", "--format", help="tiff or png."),
    seed: int = _SEED,
    version: str | None = _VERSION,
    as_json: bool = _JSON,
) -> None:
    """Imagine micrographs for given synthesis conditions.

    Writes one file per image with its pixel size and provenance inside, and contact sheets in a folder of
    their own. Example: morpholoop generate --set pH=10.5 --set naoh_factor=0.15 --set nh4oh_factor=0.2
    --set time_min=480 --set atmosphere=N2 -n 8 --out imagined
    """
    from models.generator import load

    suffix = {"tiff": ".tif", "tif": ".tif", "png": ".png"}.get(image_format.lower())
    if suffix is None:
        raise UnusableInput(f"--format {image_format}: expected tiff or png.")
    began = time.perf_counter()
    generator = load(version)
    conditions = parse_conditions(settings, generator.schema)
    distance = generator.manifold_distance(conditions)
    with console.status(f"Drawing {n} images at each magnification"):
        drawn = draw_conditions(
            generator, conditions, out, n=n, seed=seed, suffix=suffix, magnifications=magnifications
        )
    result = {
        "images": drawn,
        "contact_sheets": [
            contact_sheet(out, magnification) for magnification in {d.magnification: 0 for d in drawn}
        ],
        "conditions": conditions,
        "in_manifold": distance <= 1.0,
        "manifold_distance": distance,
        "model": generator.version,
        "seed": seed,
        "seconds": time.perf_counter() - began,
    }
    emit(result, as_json, lambda: f"{len(drawn)} images by {generator.version} in {out}")


def predict(
    settings: list[str] = _SET,
    n: int = typer.Option(100, "-n", "--number", min=1, max=10_000, help="Images per magnification."),
    seed: int = _SEED,
    version: str | None = _VERSION,
    as_json: bool = _JSON,
) -> None:
    """Predict descriptors, with their spread, for given synthesis conditions.

    Generates images, measures them as micrographs are measured, and applies the version's calibration; the SD
    holds the sampling error and the version's own error on held-out conditions. Example: morpholoop predict
    --set pH=10.5 --set naoh_factor=0.15 --set nh4oh_factor=0.2 --set time_min=480 --set atmosphere=N2
    """
    from models.generator import load
    from models.inverse import GeneratorPredictor
    from models.morphology import known_descriptors

    began = time.perf_counter()
    generator = load(version)
    conditions = parse_conditions(settings, generator.schema)
    images = dict.fromkeys(generator.schema.magnifications, n)
    predictor = GeneratorPredictor(generator, images=images, seed=seed)
    with console.status(f"Drawing and measuring {n} images at each magnification"):
        (estimates,) = predictor.predict([conditions])
    distance = predictor.manifold_distance(conditions)
    units = {name: known_descriptors()[name].unit for name in estimates}
    result = {
        "descriptors": estimates,
        "units": units,
        "conditions": conditions,
        "in_manifold": distance <= 1.0,
        "manifold_distance": distance,
        "model": predictor.version,
        "images_generated": predictor.images_generated,
        "seconds": time.perf_counter() - began,
    }

    def table() -> Table:
        shown = Table(title=f"Predicted by {predictor.version}", caption=_manifold(distance))
        for heading in ("descriptor", "mean", "SD", "unit"):
            shown.add_column(heading, justify="left" if heading in ("descriptor", "unit") else "right")
        for name, estimate in estimates.items():
            shown.add_row(name, f"{estimate.mean:.4g}", f"{estimate.sd:.2g}", units[name] or "–")
        return shown

    emit(result, as_json, table)


def _manifold(distance: float) -> str:
    where = "within" if distance <= 1.0 else "OUTSIDE"
    return f"{where} what the model was trained on (distance {distance:.2f}, edge 1)"
