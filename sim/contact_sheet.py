"""Fields of the reference plant side by side, over pH, time and magnification, with the truth on request.

``python -m sim.contact_sheet SHEET.jpg [--truth FOLDER]``: three pH (rows) by three times (columns), at 3000×
above and 15000× below. With ``--truth`` the fields come whole into a folder, and with each what it was
drawn from: ``NAME.tif`` (H, W) uint8, ``NAME_masks.tif`` (H, W) uint16, 0 = background, 1…n the visible
particles, and all conditions, pixel sizes and true descriptors in ``truth.json``.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageDraw, ImageFont

from sim.lmr import LMRPlant, Powder
from sim.plant import SCAN, Render

PH = (10.0, 10.5, 11.0)
TIMES_MIN = (60.0, 240.0, 600.0)
MAGNIFICATIONS = (3000, 15000)
FEED: dict[str, float | str] = {"naoh_factor": 0.16, "nh4oh_factor": 0.19, "atmosphere": "N2"}
TILE = (360, 270)
QUALITY = 72


@dataclass(frozen=True)
class Field:
    """One rendered field and the powder that it shows."""

    conditions: dict[str, float | str]
    powder: Powder
    magnification: int
    render: Render

    @property
    def name(self) -> str:
        """What its files are called."""
        ph, time = self.conditions["pH"], float(self.conditions["time_min"])
        return f"pH{ph}_{time:.0f}min_{self.magnification}x"


def fields(seed: int, scan: tuple[int, int] = SCAN) -> Iterator[Field]:
    """All fields of a sheet, row by row; both magnifications look at the same powders."""
    plant = LMRPlant(seed, hidden=False)
    powders: list[tuple[dict[str, float | str], Powder]] = []
    for ph in PH:
        for time in TIMES_MIN:
            conditions: dict[str, float | str] = {**FEED, "pH": ph, "time_min": time}
            powders.append((conditions, plant.synthesise(conditions, batch=len(powders))))
    for magnification in MAGNIFICATIONS:
        for conditions, powder in powders:
            render = plant.render(powder, magnification=magnification, field=0, scan=scan)
            yield Field(conditions, powder, magnification, render)


def tile(field: Field) -> Image.Image:
    """The whole field, reduced, with its conditions in a corner."""
    small = Image.fromarray(field.render.pixels).resize(TILE, Image.Resampling.BOX)
    draw = ImageDraw.Draw(small)
    text = f"pH {field.conditions['pH']}, {field.conditions['time_min']:.0f} min, {field.magnification}x"
    font = ImageFont.load_default(size=13)
    draw.rectangle((0, TILE[1] - 19, draw.textlength(text, font) + 10, TILE[1]), fill=0)
    draw.text((5, TILE[1] - 10), text, fill=255, font=font, anchor="lm")
    return small


def sheet(shown: list[Field]) -> Image.Image:
    """The tiles of ``shown``, three to a row."""
    columns = len(TIMES_MIN)
    whole = Image.new("L", (columns * TILE[0], -(-len(shown) // columns) * TILE[1]))
    for index, field in enumerate(shown):
        row, column = divmod(index, columns)
        whole.paste(tile(field), (column * TILE[0], row * TILE[1]))
    return whole


def write_truth(folder: Path, shown: list[Field]) -> None:
    """Write every field with its instance masks, and ``truth.json`` last."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {}
    for field in shown:
        render = field.render
        assert render.labels is not None
        tifffile.imwrite(folder / f"{field.name}.tif", render.pixels, metadata=None)
        tifffile.imwrite(folder / f"{field.name}_masks.tif", render.labels, compression="zlib", metadata=None)
        told[field.name] = {
            "conditions": field.conditions,
            "magnification": field.magnification,
            "pixel_size_um": render.pixel_size_um,
            "visible_particles": int(np.count_nonzero(np.bincount(render.labels.ravel())[1:])),
            "descriptors": dict(render.truth),
            "powder": asdict(field.powder.state),
        }
    (folder / "truth.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, help="the picture, .jpg or .png")
    parser.add_argument("--truth", type=Path, help="also write whole fields, masks and true descriptors here")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    shown = list(fields(args.seed))
    sheet(shown).save(args.out, quality=QUALITY)
    if args.truth is not None:
        write_truth(args.truth, shown)


if __name__ == "__main__":
    main()
