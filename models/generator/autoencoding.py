"""Training the autoencoder: tiles in, tiles out, with the power of the fine texture kept."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.generator.dataset import TileDataset
from models.generator.optimisation import LossFunction

LEVELS = 3
WINDOW = 8


@dataclass(frozen=True)
class AutoencoderLoss:
    """Weights of the terms; see :func:`autoencoder_loss`."""

    detail: float = 1.0
    energy: float = 0.5
    divergence: float = 1e-6


def autoencoder_loss(posterior: Any, output: Tensor, target: Tensor, weights: AutoencoderLoss) -> Tensor:
    """L1 of pixels, L1 of band-passed detail, mismatch of local band energy, and a tiny divergence.

    Images (B, 1, H, W) in [-1, 1]. The L1 terms alone prefer blur where texture cannot be placed exactly; the
    energy term compares the root-mean-square of each band in windows, so that blur costs.
    """
    loss = (output - target).abs().mean()
    for made, wanted in zip(bands(output), bands(target), strict=True):
        loss = loss + weights.detail * (made - wanted).abs().mean()
        loss = loss + weights.energy * (_energy(made) - _energy(wanted)).abs().mean()
    divergence: Tensor = posterior.kl().mean()
    return loss + weights.divergence * divergence


def bands(images: Tensor) -> list[Tensor]:
    """Detail between successive area-averaged scales: ``LEVELS`` images, each half the size of the last."""
    found = []
    for _ in range(LEVELS):
        coarse = functional.avg_pool2d(images, 2)
        found.append(images - functional.interpolate(coarse, scale_factor=2.0, mode="bilinear"))
        images = coarse
    return found


def _energy(band: Tensor) -> Tensor:
    window = min(WINDOW, band.shape[-1])
    return (functional.avg_pool2d(band.square(), window, stride=max(1, window // 2)) + 1e-5).sqrt()


def autoencoder_step(
    vae: Any, dataset: TileDataset, crop: int, batch: int, weights: AutoencoderLoss
) -> LossFunction:
    """The loss of one step: random crops of training tiles, magnifications in equal parts."""
    pools = {m: np.flatnonzero(dataset.training_mask(m)) for m in dataset.tiles}
    device = next(vae.parameters()).device

    def loss(rng: np.random.Generator, step: int) -> Tensor:
        images = torch.from_numpy(random_crops(dataset, pools, crop, batch, rng)).to(device)
        noise_seed = int(rng.integers(2**62))
        with torch.autocast(device.type, torch.bfloat16):
            posterior = vae.encode(images.contiguous(memory_format=torch.channels_last), return_dict=False)[0]
            latents = posterior.sample(generator=torch.Generator(device).manual_seed(noise_seed))
            output = vae.decode(latents, return_dict=False)[0]
        return autoencoder_loss(posterior, output.float(), images, weights)

    return loss


def random_crops(
    dataset: TileDataset, pools: dict[int, NDArray[np.intp]], crop: int, batch: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Crops (batch, 1, crop, crop) in [-1, 1], mirrored at random."""
    magnifications = list(pools)
    out = np.empty((batch, 1, crop, crop), dtype=np.float32)
    for k in range(batch):
        magnification = magnifications[k % len(magnifications)]
        tile = dataset.tiles[magnification].pixels[rng.choice(pools[magnification])]
        top, left = rng.integers(0, tile.shape[0] - crop + 1, size=2)
        piece = tile[top : top + crop, left : left + crop]
        if rng.random() < 0.5:
            piece = piece[:, ::-1]
        if rng.random() < 0.5:
            piece = piece[::-1]
        out[k, 0] = piece.astype(np.float32) / 127.5 - 1.0
    return out
