"""Labelled micrographs from the reference plant: what a generator may be trained on.

``python -m sim.dataset OUT`` writes a folder:

* ``dataset.json``: material, parameters with units and ranges, magnifications with tile pixel sizes,
* ``conditions.csv``: one row per synthesis with its split (``train``, ``held_out``, ``pH_10.5``),
* ``tiles_<magnification>.npy``: (N, 128, 128) uint8, and ``rows_<magnification>.npy``: (N,) row of each tile.

The reference plant has the published kinetic constants; no campaign runs on it.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc
from skimage.measure import block_reduce
from tqdm import tqdm

from sim.lmr import LMRPlant
from sim.plant import pixel_size_um

SCAN = (640, 480)
TILE = 128
PARAMETERS = (
    {"name": "pH", "unit": "", "low": 9.8, "high": 11.0, "step": 0.05, "categories": []},
    {"name": "naoh_factor", "unit": "", "low": 0.08, "high": 0.25, "step": 0.01, "categories": []},
    {"name": "nh4oh_factor", "unit": "", "low": 0.09, "high": 0.29, "step": 0.01, "categories": []},
    {"name": "time_min", "unit": "min", "low": 30.0, "high": 720.0, "step": 10.0, "categories": []},
    {"name": "atmosphere", "unit": "", "low": 0.0, "high": 0.0, "step": 0.0, "categories": ["N2", "O2"]},
)
OXYGEN_SHARE = 0.2


@dataclass(frozen=True)
class View:
    """How one magnification becomes tiles: area reduction of the scan, places of the tiles along x."""

    magnification: int
    fields: int
    tile_um: float
    descriptors: tuple[str, ...]


VIEWS = (
    View(
        3000,
        4,
        31.75,
        ("d10_um", "d50_um", "d90_um", "span", "d50_volume_um", "sphericity_mean", "sphericity_sd"),
    ),
    View(15000, 3, 3.38667, ("texture_mean", "texture_sd")),
)


def design(number: int, seed: int) -> list[dict[str, float | str]]:
    """A Sobol design on the parameters' grid; time is spread evenly in its logarithm."""
    points = qmc.Sobol(d=5, seed=seed).random(number)
    rows: list[dict[str, float | str]] = []
    for point in points:
        row: dict[str, float | str] = {}
        for parameter, u in zip(PARAMETERS, point, strict=True):
            name = str(parameter["name"])
            if parameter["categories"]:
                row[name] = "O2" if u < OXYGEN_SHARE else "N2"
                continue
            low, high, step = (float(str(parameter[key])) for key in ("low", "high", "step"))
            value = low * (high / low) ** u if name == "time_min" else low + (high - low) * u
            row[name] = round(low + step * round((value - low) / step), 6)
        rows.append(row)
    return rows


def split_of(row: dict[str, float | str], index: int) -> str:
    """pH 10.5 is never trained on, nor is every twelfth condition."""
    if row["pH"] == 10.5:
        return "pH_10.5"
    return "held_out" if index % 12 == 5 else "train"


def tiles(pixels: NDArray[np.uint8], pixel_um: float, view: View) -> Iterator[NDArray[np.uint8]]:
    """Two tiles (128, 128) of one field, at the left and right of its centre, by area averaging."""
    side = round(view.tile_um / pixel_um)
    height, width = pixels.shape
    top = (height - side) // 2
    spread = min(width - side, side // 2)
    for left in ((width - side - spread) // 2, (width - side + spread) // 2):
        crop = pixels[top : top + side, left : left + side].astype(np.float32)
        yield np.clip(_area_resize(crop) + 0.5, 0, 255).astype(np.uint8)


def _area_resize(crop: NDArray[np.float32]) -> NDArray[np.float32]:
    """Area-average a square crop to (TILE, TILE) at any ratio, through a common multiple of both."""
    side = crop.shape[0]
    if side % TILE == 0:
        return np.asarray(block_reduce(crop, side // TILE, np.mean), dtype=np.float32)
    factor = TILE // np.gcd(side, TILE)
    fine = np.repeat(np.repeat(crop, factor, axis=0), factor, axis=1)
    return np.asarray(block_reduce(fine, side * factor // TILE, np.mean), dtype=np.float32)


def _batch(task: tuple[int, dict[str, float | str], int]) -> dict[int, list[NDArray[np.uint8]]]:
    index, row, seed = task
    plant = LMRPlant(seed, hidden=False)
    powder = plant.synthesise(row, batch=index)
    out: dict[int, list[NDArray[np.uint8]]] = {}
    for view in VIEWS:
        pixel = pixel_size_um(view.magnification, SCAN)
        out[view.magnification] = [
            tile
            for field in range(view.fields)
            for tile in tiles(
                plant.render(powder, magnification=view.magnification, field=field, scan=SCAN).pixels,
                pixel,
                view,
            )
        ]
    return out


def write(folder: Path, *, number: int, seed: int, workers: int) -> None:
    """Write a data set of ``number`` syntheses to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = design(number, seed)
    stacks: dict[int, list[NDArray[np.uint8]]] = {view.magnification: [] for view in VIEWS}
    owners: dict[int, list[int]] = {view.magnification: [] for view in VIEWS}
    with ProcessPoolExecutor(workers) as pool:
        tasks = [(index, row, seed) for index, row in enumerate(rows)]
        for index, batch in enumerate(tqdm(pool.map(_batch, tasks, chunksize=8), total=number, unit="batch")):
            for magnification, made in batch.items():
                stacks[magnification] += made
                owners[magnification] += [index] * len(made)
    for view in VIEWS:
        np.save(folder / f"tiles_{view.magnification}.npy", np.stack(stacks[view.magnification]))
        np.save(
            folder / f"rows_{view.magnification}.npy", np.array(owners[view.magnification], dtype=np.int32)
        )
    with (folder / "conditions.csv").open("w", newline="") as stream:
        names = [str(parameter["name"]) for parameter in PARAMETERS]
        writer = csv.DictWriter(stream, ["row", *names, "split"])
        writer.writeheader()
        for index, row in enumerate(rows):
            writer.writerow({"row": index, **row, "split": split_of(row, index)})
    meta = {
        "material": "Ni0.33Mn0.67(OH)2 precursor, simulated reference plant",
        "simulated": True,
        "seed": seed,
        "time_parameter": "time_min",
        "parameters": PARAMETERS,
        "magnifications": {
            str(view.magnification): {"pixel_size_um": view.tile_um / TILE, "descriptors": view.descriptors}
            for view in VIEWS
        },
    }
    # Written last: a folder with this file is complete.
    (folder / "dataset.json").write_text(json.dumps(meta, indent=2) + "\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description="Write labelled micrographs of the simulated reference plant."
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--number", type=int, default=2048, help="syntheses (default 2048)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    write(args.out, number=args.number, seed=args.seed, workers=args.workers)


if __name__ == "__main__":
    main()
