"""From noise to latents: a deterministic few-step sampler with the same noise for every condition."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from models.generator.networks import Networks, clean_estimate, predict

LAST_TIMESTEP = 25
"""The last evaluation: the noise left there is about 6 % of the signal."""


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


def spaced_timesteps(steps: int, alphas_cumprod: Tensor, last: int = LAST_TIMESTEP) -> tuple[int, ...]:
    """``steps`` falling timesteps from pure noise to ``last``, midway between even in time and in log-SNR.

    Even in time leaves the fine texture to one large final step; even in log-SNR wastes steps on noise.
    """
    first = len(alphas_cumprod) - 1
    log_snr = (alphas_cumprod / (1.0 - alphas_cumprod)).log()
    wanted = torch.linspace(float(log_snr[first]), float(log_snr[last]), steps)
    by_snr = [int((log_snr - w).abs().argmin()) for w in wanted]
    by_time = torch.linspace(first, last, steps)
    return tuple(round((a + float(b)) / 2.0) for a, b in zip(by_snr, by_time, strict=True))


@torch.inference_mode()
def denoise(
    networks: Networks, noise: Tensor, controls: Tensor, *, timesteps: Sequence[int], guidance: float = 1.0
) -> Tensor:
    """Latents (B, 4, h, w), float32, from ``noise`` of that shape under ``controls`` (B, F)."""
    return solve(networks, noise, controls, timesteps=timesteps, guidance=guidance)


def solve(
    networks: Networks,
    noise: Tensor,
    controls: Tensor,
    *,
    timesteps: Sequence[int],
    guidance: float = 1.0,
    learnt: int = 0,
) -> Tensor:
    """What :func:`denoise` draws, with gradients through the last ``learnt`` evaluations.

    DPM-Solver++ 2M (Lu et al., arXiv 2211.01095, algorithm 2), one evaluation of the networks per timestep;
    the last evaluation's clean estimate is the result. ``guidance`` above 1 pushes away from the base without
    ControlNet (classifier-free guidance, Ho & Salimans 2022) and costs about 1.6 times as much.
    """
    dtype = next(networks.unet.parameters()).dtype
    controls = controls.to(dtype)
    clean_share = networks.scheduler.alphas_cumprod.double()
    latents = noise.float().contiguous(memory_format=torch.channels_last)
    previous, previous_h, graph = latents, 0.0, torch.is_grad_enabled()
    for k, t in enumerate(timesteps):
        at = torch.full((len(latents),), t, device=latents.device)
        x = latents.to(dtype)
        with torch.set_grad_enabled(graph and k >= len(timesteps) - learnt):
            predicted = predict(networks, x, at, controls).float()
            if guidance != 1.0:
                base = predict(networks, x, at, controls, controlled=False).float()
                predicted = base + guidance * (predicted - base)
        alpha, sigma = float(clean_share[t].sqrt()), float((1.0 - clean_share[t]).sqrt())
        clean = clean_estimate(networks, predicted, latents, alpha, sigma)
        if k == len(timesteps) - 1:
            return clean
        share = clean_share[timesteps[k + 1]]
        next_alpha, next_sigma = float(share.sqrt()), float((1.0 - share).sqrt())
        h = math.log(next_alpha / next_sigma) - math.log(alpha / sigma)
        direction = clean if k == 0 else clean + 0.5 * h / previous_h * (clean - previous)
        latents = next_sigma / sigma * latents - next_alpha * math.expm1(-h) * direction
        previous, previous_h = clean, h
    raise ValueError("at least one timestep is needed")


@torch.inference_mode()
def decode(vae: Any, latents: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Images (B, H, W) float32 in [0, 1] from normalised latents (B, 4, h, w)."""
    return decoded(vae, latents, mean, std)


def decoded(vae: Any, latents: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """What :func:`decode` gives, with gradients."""
    dtype = next(vae.parameters()).dtype
    raw = latents * std[None, :, None, None] + mean[None, :, None, None]
    pixels: Tensor = vae.decode(raw.to(dtype), return_dict=False)[0]
    # A base for colour pictures gives three channels of what is grey.
    return pixels.float().mean(dim=1).mul(0.5).add(0.5).clamp(0.0, 1.0)


@torch.inference_mode()
def encode(vae: Any, pixels: Tensor, mean: Tensor | None = None, std: Tensor | None = None) -> Tensor:
    """Latents (B, 4, h, w) float32 of images (B, H, W) in [0, 1], normalised if statistics are given."""
    dtype = next(vae.parameters()).dtype
    grey = pixels[:, None].mul(2.0).sub(1.0).expand(-1, vae.config.in_channels, -1, -1)
    x = grey.to(dtype).contiguous(memory_format=torch.channels_last)
    latents: Tensor = vae.encode(x, return_dict=False)[0].mode().float()
    if mean is None or std is None:
        return latents
    return (latents - mean[None, :, None, None]) / std[None, :, None, None]
