"""`morpholoop dataset …`: labelled micrographs to train a generator on."""

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cli.output import console, emit
from models.errors import UnusableInput

if TYPE_CHECKING:
    from models.generator.dataset import TileDataset

_JSON = typer.Option(False, "--json", help="Print one JSON object.")
_NAME = typer.Argument(..., metavar="NAME", help="Name of a data set, or its folder.")

dataset = typer.Typer(
    help="Labelled micrographs: ingest, list, show, export.\n\nExample: morpholoop dataset list",
    no_args_is_help=True,
)


@dataset.command()
def ingest(
    table: Path = typer.Argument(
        ...,
        metavar="TABLE",
        help="CSV or YAML: image, magnification, one column per parameter; pixel_size_um, split, psa_d50_um.",
    ),
    campaign_file: Path = typer.Option(
        ..., "--campaign", metavar="CAMPAIGN.yaml", help="Says the parameters, their units, and the views."
    ),
    name: str = typer.Option(..., "--name", help="Name of the data set."),
    tile_um: list[str] = typer.Option(
        [],
        "--tile-um",
        metavar="MAGNIFICATION=UM",
        help="Side of a tile in µm (default: height of the images).",
    ),
    hold_out: float = typer.Option(
        0.1, "--hold-out", help="Share of the conditions to judge on, where the table has no splits."
    ),
    as_json: bool = _JSON,
) -> None:
    """Make a data set of your own micrographs and the conditions that they were made under.

    Example: morpholoop dataset ingest micrographs.csv --campaign my-campaign.yaml --name mine
    """
    from campaigns.specification import load
    from campaigns.specification.lab import is_simulated
    from models.generator.dataset import read_dataset
    from models.home import state_directory
    from models.learning.datasets import place_for
    from models.learning.ingesting import Subject
    from models.learning.ingesting import ingest as make
    from models.values import Parameter

    began = time.perf_counter()
    campaign = load(campaign_file)
    subject = Subject(
        material=campaign.description or campaign.name,
        parameters=tuple(
            Parameter(one.name, one.unit, *(one.bounds or (0.0, 0.0)), one.step, one.categories or ())
            for one in campaign.parameters
            if one.bounds or one.categories
        ),
        views={view.magnification: view.descriptors for view in campaign.imaging.views},
        simulated=bool(is_simulated(campaign.lab)),
    )
    folder = place_for(name, state_directory())
    with console.status(f"Reading the images of {table}"):
        make(table, folder, subject, tile_um=dict(map(_tile, tile_um)), hold_out=hold_out)
    result = {**_described(read_dataset(folder)), "seconds": time.perf_counter() - began}
    emit(result, as_json, lambda: _told(result))


@dataset.command("list")
def list_(as_json: bool = _JSON) -> None:
    """The data sets of this installation.

    Example: morpholoop dataset list
    """
    from models.generator.dataset import read_dataset
    from models.learning.datasets import dataset_names, find_dataset

    found: list[dict[str, Any]] = []
    for name in dataset_names():
        try:
            found.append(_described(read_dataset(find_dataset(name))))
        except UnusableInput as error:
            found.append({"name": name, "problem": str(error)})

    def human() -> str:
        lines = [f"{one['name']:24} {one.get('problem') or _size(one)}" for one in found]
        return "\n".join(lines) or "There are no data sets yet: see `morpholoop dataset ingest --help`."

    emit({"datasets": found}, as_json, human)


@dataset.command()
def show(name: str = _NAME, as_json: bool = _JSON) -> None:
    """What a data set holds: parameters with their ranges, magnifications, splits, laser diffraction.

    Example: morpholoop dataset show mine
    """
    from models.generator.dataset import read_dataset
    from models.learning.datasets import find_dataset

    result = _described(read_dataset(find_dataset(name)))
    emit(result, as_json, lambda: _told(result))


@dataset.command()
def export(
    name: str = _NAME,
    out: Path = typer.Option(..., "--out", help="New folder to write to."),
    images: bool = typer.Option(False, "--images", help="Also every tile as a PNG, with a table of labels."),
    as_json: bool = _JSON,
) -> None:
    """Copy a data set to a folder that `model train` and other tools read (CSV, JSON and numpy arrays).

    Example: morpholoop dataset export mine --out shared/mine --images
    """
    from models.generator.dataset import read_dataset
    from models.learning.datasets import find_dataset

    found = read_dataset(find_dataset(name))
    if out.exists():
        raise UnusableInput(f"{out} exists already; give a folder that does not.")
    making = out.with_name(f".{out.name}.writing")
    shutil.rmtree(making, ignore_errors=True)
    try:
        shutil.copytree(found.folder, making)
        if images:
            _write_images(found, making / "tiles")
        making.rename(out)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    result = {"dataset": found.folder.name, "folder": str(out)}
    emit(result, as_json, lambda: str(out))


def _tile(text: str) -> tuple[int, float]:
    magnification, _, side = text.partition("=")
    try:
        found = int(magnification), float(side)
    except ValueError:
        found = (0, 0.0)
    if found[0] <= 0 or not 0 < found[1] < float("inf"):
        raise UnusableInput(f"--tile-um {text}: expected MAGNIFICATION=UM, such as 3000=30.")
    return found


def _size(one: dict[str, Any]) -> str:
    return f"{one['conditions']} conditions, {sum(one['tiles'].values())} tiles  {one['material']}"


def _described(found: "TileDataset") -> dict[str, Any]:
    schema, psa = found.schema, found.diffraction()
    return {
        "name": found.folder.name,
        "material": schema.material,
        "simulated": schema.simulated,
        "conditions": len(found.conditions),
        "splits": {split: found.splits.count(split) for split in dict.fromkeys(found.splits)},
        "parameters": [one.model_dump(mode="json") for one in schema.parameters],
        "magnifications": {
            str(m): {
                "tile_px": found.tile_size,
                "tile_um": found.tile_size * info.pixel_size_um,
                "pixel_size_um": info.pixel_size_um,
                "descriptors": list(info.descriptors),
            }
            for m, info in schema.magnifications.items()
        },
        "tiles": {str(m): len(tiles.rows) for m, tiles in found.tiles.items()},
        "psa_d50_um": {"conditions": len(psa), "low": min(psa, default=None), "high": max(psa, default=None)},
        "fingerprint": found.fingerprint,
    }


def _told(found: dict[str, Any]) -> str:
    lines = [
        f"{found['name']}: {found['material']}{' (simulated)' if found['simulated'] else ''}",
        f"{found['conditions']} conditions: "
        + ", ".join(f"{count} {split}" for split, count in found["splits"].items()),
    ]
    for one in found["parameters"]:
        covered = (
            ", ".join(one["categories"])
            or f"{one['low']:g} to {one['high']:g}{' ' * bool(one['unit'])}{one['unit']}"
        )
        lines.append(f"  {one['name']}: {covered}")
    for magnification, info in found["magnifications"].items():
        lines.append(
            f"  {magnification}×: {found['tiles'][magnification]} tiles of {info['tile_um']:.3g} µm "
            f"({info['tile_px']} px) for {', '.join(info['descriptors'])}"
        )
    psa = found["psa_d50_um"]
    if psa["conditions"]:
        lines.append(
            f"  laser diffraction: D50 {psa['low']:.3g} to {psa['high']:.3g} µm for {psa['conditions']} "
            "conditions"
        )
    return "\n".join(lines)


def _write_images(found: "TileDataset", folder: Path) -> None:
    import csv

    from PIL import Image

    folder.mkdir()
    names = [one.name for one in found.schema.parameters]
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["image", "magnification", "pixel_size_um", *names, "split"])
        writer.writeheader()
        for magnification, tiles in found.tiles.items():
            for number, (pixels, row) in enumerate(zip(tiles.pixels, tiles.rows, strict=True)):
                file = f"{magnification}-{int(row):05d}-{number:06d}.png"
                Image.fromarray(pixels).save(folder / file)
                writer.writerow(
                    {
                        "image": file,
                        "magnification": magnification,
                        "pixel_size_um": found.schema.magnifications[magnification].pixel_size_um,
                        **found.conditions[int(row)],
                        "split": found.splits[int(row)],
                    }
                )
