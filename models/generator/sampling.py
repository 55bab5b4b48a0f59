"""From noise to latents: a deterministic few-step sampler with the same noise for every condition."""

from typing import Any

import torch
from torch import Tensor

from models.generator.networks import Networks, predict_noise


def shared_noise(n: int, shape: tuple[int, int, int], seed: int) -> Tensor:
    """Standard normal noise (n, *shape); the first images stay the same when more are asked for."""
    return torch.stack(
        [
            torch.randn(shape, generator=torch.Generator().manual_seed(_mixed(seed, index)))
            for index in range(n)
        ]
    )


def _mixed(seed: int, index: int) -> int:
    # Golden-ratio mixing keeps (seed, index) and (seed + 1, index - 1) apart.
    return (seed * 0x9E3779B97F4A7C15 + index * 0xBF58476D1CE4E5B9 + 1) % 2**63


@torch.inference_mode()
def denoise(
    networks: Networks, noise: Tensor, controls: Tensor, *, steps: int, guidance: float = 1.0
) -> Tensor:
    """Latents (B, 4, h, w), float32, from ``noise`` of that shape under ``controls`` (B, F).

    DPM-Solver++ 2M in ``steps`` evaluations of the networks. ``guidance`` above 1 pushes away from the base
    without ControlNet (classifier-free guidance, Ho & Salimans 2022) and costs about 1.6 times as much.
    """
    scheduler: Any = type(networks.scheduler).from_config(networks.scheduler.config)
    scheduler.set_timesteps(steps)
    dtype = next(networks.unet.parameters()).dtype
    controls = controls.to(dtype)
    latents = noise.float().contiguous(memory_format=torch.channels_last)
    for t in scheduler.timesteps:
        at = t.expand(len(latents))
        x = latents.to(dtype)
        predicted = predict_noise(networks.unet, networks.controlnet, x, at, controls).float()
        if guidance != 1.0:
            base = predict_noise(networks.unet, None, x, at, controls).float()
            predicted = base + guidance * (predicted - base)
        latents = scheduler.step(predicted, t, latents, return_dict=False)[0]
    return latents


@torch.inference_mode()
def decode(vae: Any, latents: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Images (B, H, W) float32 in [0, 1] from normalised latents (B, 4, h, w)."""
    dtype = next(vae.parameters()).dtype
    raw = latents * std[None, :, None, None] + mean[None, :, None, None]
    pixels: Tensor = vae.decode(raw.to(dtype), return_dict=False)[0]
    return pixels[:, 0].float().mul(0.5).add(0.5).clamp(0.0, 1.0)


@torch.inference_mode()
def encode(vae: Any, pixels: Tensor, mean: Tensor | None = None, std: Tensor | None = None) -> Tensor:
    """Latents (B, 4, h, w) float32 of images (B, H, W) in [0, 1], normalised if statistics are given."""
    dtype = next(vae.parameters()).dtype
    x = pixels[:, None].mul(2.0).sub(1.0).to(dtype).contiguous(memory_format=torch.channels_last)
    latents: Tensor = vae.encode(x, return_dict=False)[0].mode().float()
    if mean is None or std is None:
        return latents
    return (latents - mean[None, :, None, None]) / std[None, :, None, None]
