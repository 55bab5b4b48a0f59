"""The latents of a whole data set, encoded once, and batches drawn from them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.generator.dataset import TileDataset
from models.generator.encoding import ConditionEncoder
from models.generator.sampling import encode

ENCODE_BATCH = 32


@dataclass(frozen=True)
class LatentPool:
    """Normalised latents (N, 4, h, w) and the control vector (N, F) of each: one population to draw from."""

    latents: NDArray[np.float16]
    controls: NDArray[np.float32]

    def draw(self, rng: np.random.Generator, batch: int, crop: int) -> tuple[Tensor, Tensor]:
        """Random latents (batch, 4, crop, crop) and their controls (batch, F)."""
        index = rng.integers(len(self.latents), size=batch)
        side = self.latents.shape[-1]
        out = np.empty((batch, self.latents.shape[1], crop, crop), dtype=np.float32)
        for k, i in enumerate(index):
            top, left = rng.integers(0, side - crop + 1, size=2)
            out[k] = self.latents[i, :, top : top + crop, left : left + crop]
        return torch.from_numpy(out), torch.from_numpy(self.controls[index])


def encode_dataset(vae: Any, dataset: TileDataset, folder: Path) -> None:
    """Write ``latents_<magnification>.npy`` (N, 4, h, w) float16, not normalised, for every tile."""
    for magnification, tiles in dataset.tiles.items():
        target = folder / f"latents_{magnification}.npy"
        if target.exists():
            continue
        device = next(vae.parameters()).device
        parts = []
        for start in range(0, len(tiles.pixels), ENCODE_BATCH):
            pixels = tiles.pixels[start : start + ENCODE_BATCH].astype(np.float32) / 255.0
            parts.append(encode(vae, torch.from_numpy(pixels).to(device)).cpu().numpy())
        temporary = target.with_suffix(".writing.npy")
        np.save(temporary, np.concatenate(parts).astype(np.float16))
        os.replace(temporary, target)


def read_latents(dataset: TileDataset, folder: Path) -> Mapping[int, NDArray[np.float16]]:
    """The latents written by :func:`encode_dataset`, memory-mapped."""
    return {m: np.load(folder / f"latents_{m}.npy", mmap_mode="r") for m in dataset.tiles}


def channel_statistics(
    dataset: TileDataset, latents: Mapping[int, NDArray[np.float16]]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel over the latents of training tiles, magnifications alike."""
    first, second = [], []
    for magnification, values in latents.items():
        chosen = np.asarray(values[dataset.training_mask(magnification)], dtype=np.float32)
        first.append(chosen.mean(axis=(0, 2, 3)))
        second.append(np.square(chosen).mean(axis=(0, 2, 3)))
    mean = np.mean(first, axis=0)
    std = np.sqrt(np.mean(second, axis=0) - np.square(mean))
    return tuple(float(v) for v in mean), tuple(float(v) for v in std)


def training_pools(
    dataset: TileDataset,
    latents: Mapping[int, NDArray[np.float16]],
    encoder: ConditionEncoder,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> dict[int, LatentPool]:
    """One pool per magnification, of the training tiles only."""
    m, s = (np.array(v, dtype=np.float32)[None, :, None, None] for v in (mean, std))
    pools = {}
    for magnification, values in latents.items():
        mask = dataset.training_mask(magnification)
        rows = dataset.tiles[magnification].rows[mask]
        by_row = {int(r): encoder.control(dataset.conditions[r], magnification) for r in np.unique(rows)}
        normalised = (np.asarray(values[mask], dtype=np.float32) - m) / s
        pools[magnification] = LatentPool(
            normalised.astype(np.float16), np.stack([by_row[int(r)] for r in rows])
        )
    return pools
