"""A made-up material for tests: bright blobs whose share rises with one parameter; 32 × 32 tiles."""

import json
from pathlib import Path

import numpy as np
from scipy import ndimage

from models.generator.encoding import ConditionEncoder
from models.generator.generator import Generator
from models.generator.networks import (
    Architecture,
    Networks,
    build_controlnet,
    build_scheduler,
    build_unet,
    build_vae,
    channels_last,
)
from models.generator.record import GeneratorRecord, ReferencePoint
from models.generator.schema import GeneratorSchema

SIDE = 32
ARCHITECTURE = Architecture(
    tile_size=SIDE, vae_channels=(4, 8), unet_channels=(8, 16), norm_groups=2, control_width=8
)
META = {
    "material": "blobs",
    "simulated": True,
    "seed": 0,
    "time_parameter": "hold_min",
    "parameters": [
        {"name": "feed", "unit": "g", "low": 0.0, "high": 2.0, "categories": []},
        {"name": "hold_min", "unit": "min", "low": 10.0, "high": 100.0, "categories": []},
        {"name": "gas", "unit": "", "low": 0.0, "high": 0.0, "categories": ["Ar", "air"]},
        {"name": "pressure", "unit": "bar", "low": 1.0, "high": 1.0, "categories": []},
    ],
    "magnifications": {"500": {"pixel_size_um": 0.5, "descriptors": ["phase_fraction"]}},
}


def conditions(feed: float = 1.0, hold_min: float = 30.0, gas: str = "Ar") -> dict[str, float | str]:
    return {"feed": feed, "hold_min": hold_min, "gas": gas, "pressure": 1.0}


def schema() -> GeneratorSchema:
    return GeneratorSchema.model_validate(META)


def blobs(feed: float, rng: np.random.Generator) -> np.ndarray:
    field = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), 2.0, mode="wrap")
    bright = field > np.quantile(field, 0.8 - 0.3 * feed)
    return np.clip(60 + 120 * bright + rng.normal(0, 4, size=field.shape), 0, 255).astype(np.uint8)


def write_dataset(folder: Path, number: int = 12, tiles: int = 3) -> Path:
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    lines, made, rows = ["row,feed,hold_min,gas,pressure,split"], [], []
    for row in range(number):
        feed, hold = 2.0 * row / (number - 1), float(rng.uniform(10, 100))
        split = "held_out" if row % 4 == 2 else "train"
        lines.append(f"{row},{feed},{hold},{'Ar' if row % 3 else 'air'},1.0,{split}")
        made += [blobs(feed, rng) for _ in range(tiles)]
        rows += [row] * tiles
    (folder / "conditions.csv").write_text("\n".join(lines) + "\n")
    np.save(folder / "tiles_500.npy", np.stack(made))
    np.save(folder / "rows_500.npy", np.array(rows, dtype=np.int32))
    (folder / "dataset.json").write_text(json.dumps(META))
    return folder


def networks(seed: int = 0) -> Networks:
    import torch

    torch.manual_seed(seed)
    controlnet = build_controlnet(ARCHITECTURE, ConditionEncoder(schema()).size)
    for block in [*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block]:
        torch.nn.init.normal_(block.weight, std=0.2)  # untrained ControlNets say nothing: their ends are zero
    parts = [build_vae(ARCHITECTURE), build_unet(ARCHITECTURE), controlnet]
    for part in parts:
        channels_last(part).eval().requires_grad_(False)
    return Networks(*parts, build_scheduler())


def record(version: str = "blobs-1", held_out: int = 3) -> GeneratorRecord:
    return GeneratorRecord(
        version=version,
        created="2026-01-01T00:00:00+00:00",
        inputs=schema(),
        tile_size=SIDE,
        latent_mean=(0.0,) * 4,
        latent_std=(1.0,) * 4,
        timesteps=(999, 300),
        trained_on=tuple(conditions(feed, hold) for feed in (0.0, 1.0, 2.0) for hold in (10.0, 100.0)),
        held_out=tuple(
            ReferencePoint(
                conditions=conditions(0.5 + 0.5 * k), descriptors={"phase_fraction": 0.3 + 0.2 * k}
            )
            for k in range(held_out)
        ),
    )


def generator(seed: int = 0, version: str = "blobs-1") -> Generator:
    return Generator(networks(seed), record(version))
