"""The loss of the diffusion stages: velocity prediction that minds the coarse structure.

A base that was made for it predicts the noise ε, as in Choi et al. (Mater. Horiz. 2026, 13, 727). The
built-in one predicts v = √ᾱ·ε − √(1−ᾱ)·x (Salimans & Ho, ICLR 2022), from which ε = √ᾱ·v + √(1−ᾱ)·y follows
without it: ε-prediction with a skip connection. Predicting ε itself, a small network spends its precision on
copying its input where noise prevails: its error there stayed at 0.004, against 0.0015 for copying, and
division by √ᾱ made of it a clean image in which no particle size was decided.

Three more things make the few samples that a CPU can afford count: timesteps are drawn mostly from the middle
of the schedule, where particle sizes are decided; the error is also compared after pooling (multi-scale loss,
Hoogeboom et al., "simple diffusion", ICML 2023, eq. 8), because coarse errors are a small part of the plain
mean square; early steps see crops, which give more conditions and noise levels for the same arithmetic.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.generator.latents import LatentPool
from models.generator.networks import TRAINING_TIMESTEPS, Networks, predict
from models.generator.optimisation import LossFunction


@dataclass(frozen=True)
class DiffusionLoss:
    """``dropout``: share of samples trained without control, which makes the base the unconditional branch.

    ``coarse``: weight of the pooled error. ``uniform``: share of timesteps drawn evenly, the others
    logit-normally about ``centre``. The first ``crop_steps`` steps see ``crop_batch`` crops of ``crop``
    latent pixels a side, the others ``batch`` whole tiles.

    ``guidance``: above 1, what is learnt is not the prediction c but b + guidance·(c − b), b being that of
    the frozen base alone: one evaluation then draws what classifier-free guidance takes two for (Meng et al.,
    "On distillation of guided diffusion models", CVPR 2023, with a fixed strength).
    """

    dropout: float = 0.12
    coarse: float = 0.15
    uniform: float = 0.2
    centre: float = -0.4
    spread: float = 1.0
    crop: int = 0
    crop_steps: int = 0
    crop_batch: int = 16
    batch: int = 8
    guidance: float = 1.0


def draw_timesteps(rng: np.random.Generator, batch: int, settings: DiffusionLoss) -> Tensor:
    """Timesteps (batch,) in 0 … 999."""
    logit = 1.0 / (1.0 + np.exp(-rng.normal(settings.centre, settings.spread, size=batch)))
    u = np.where(rng.random(batch) < settings.uniform, rng.random(batch), logit)
    return torch.from_numpy(np.minimum(u * TRAINING_TIMESTEPS, TRAINING_TIMESTEPS - 1).astype(np.int64))


def multiscale_error(predicted: Tensor, wanted: Tensor, coarse: float) -> Tensor:
    """Mean-square error of ``predicted`` (B, C, h, w) plus ``coarse`` times that of it pooled 2× and 4×.

    Pooled errors are scaled so that white errors weigh the same at each scale.
    """
    error = predicted - wanted
    loss = error.square().mean()
    for factor in (2, 4):
        if coarse and error.shape[-1] >= factor:
            loss = loss + 0.5 * coarse * factor**2 * functional.avg_pool2d(error, factor).square().mean()
    return loss


def diffusion_step(
    networks: Networks,
    pools: Mapping[int, LatentPool],
    settings: DiffusionLoss,
    teacher: Any = None,
) -> LossFunction:
    """The loss of one step over ``pools``; gradients go to the networks that require them.

    ``teacher``: a ControlNet whose predictions are learnt in place of the truth, which they are the mean of,
    so that they scatter less.
    """
    order = list(pools)
    device = next(networks.unet.parameters()).device
    alphas_cumprod = networks.scheduler.alphas_cumprod.to(device)

    def loss(rng: np.random.Generator, step: int) -> Tensor:
        cropped = step < settings.crop_steps
        batch = settings.crop_batch if cropped else settings.batch
        side = pools[order[0]].latents.shape[-1]
        crop = settings.crop if cropped else side
        drawn = [pools[m].draw(rng, len(range(k, batch, len(order))), crop) for k, m in enumerate(order)]
        latents = torch.cat([d[0] for d in drawn]).to(device)
        controls = torch.cat([d[1] for d in drawn]).to(device)
        timesteps = draw_timesteps(rng, len(latents), settings).to(device)
        noise = torch.from_numpy(rng.standard_normal(latents.shape, dtype=np.float32)).to(device)
        alpha = alphas_cumprod[timesteps][:, None, None, None]
        noisy = (alpha.sqrt() * latents + (1.0 - alpha).sqrt() * noise).contiguous(
            memory_format=torch.channels_last
        )
        keep = torch.from_numpy((rng.random(len(latents)) >= settings.dropout).astype(np.float32))
        keep = keep.to(device)
        with torch.autocast(device.type, torch.bfloat16):
            predicted = predict(networks, noisy, timesteps, controls, keep=keep if settings.dropout else None)
        wanted = noise
        if not networks.predicts_noise:
            wanted = alpha.sqrt() * noise - (1.0 - alpha).sqrt() * latents
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
            if teacher is not None:
                taught = dataclasses.replace(networks, controlnet=teacher)
                wanted = predict(taught, noisy, timesteps, controls).float()
            if settings.guidance != 1.0:
                base = predict(networks, noisy, timesteps, controls, controlled=False).float()
                wanted = base + settings.guidance * (wanted - base)
        return multiscale_error(predicted.float(), wanted, settings.coarse)

    return loss
