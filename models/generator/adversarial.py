"""The stage that makes few steps draw sharply: a discriminator compares what is drawn with what was measured.

A mean-square loss teaches the mean of all images that a noisy one may have been; of a small network, in few
steps, that is a blur. Here the ControlNet learns from what the sampler itself draws: a discriminator is shown
drawn and measured latents of the same conditions, and the ControlNet learns to be taken for measured (Sauer
et al., "Adversarial diffusion distillation", ECCV 2024; in latent space, with noised inputs: Sauer et al.,
"Fast high-resolution image synthesis with latent adversarial diffusion distillation", SIGGRAPH Asia 2024).
Unlike there, nothing measured is noised and drawn again: gradients go through the last evaluations of the
very sampler that users run, from pure noise. Nor is the discriminator made of a diffusion network's features:
from the ControlNet's it learnt outlines, and of textures nothing, at nine times the price.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.generator.diffusion import DiffusionLoss, diffusion_step
from models.generator.latents import LatentPool
from models.generator.networks import Networks
from models.generator.optimisation import LossFunction
from models.generator.sampling import solve


@dataclass(frozen=True)
class AdversarialLoss:
    """``weight`` of being taken for measured, beside ``anchor``, the diffusion loss on measured tiles.

    ``learnt``: how many of the sampler's last evaluations gradients go through. ``noisiest``: the largest
    timestep that the discriminator's inputs are noised to: little, since noise hides what it is to find, and
    some, lest it learn each tile. ``head_start``: steps that the discriminator learns before it is believed.
    ``batch``: tiles drawn, and as many measured, per step and process.
    """

    anchor: DiffusionLoss = field(default_factory=lambda: DiffusionLoss(dropout=0.0, batch=4))
    weight: float = 1.0
    learnt: int = 4
    noisiest: int = 30
    head_start: int = 800
    batch: int = 8


class Discriminator(nn.Module):
    """Is a noised latent one of those measured under these conditions? A logit per patch, at every scale.

    Strided convolutions, each scale with a head of its own; conditions enter by projection (Miyato & Koyama,
    "cGANs with projection discriminator", ICLR 2018). ``latent_channels`` C, ``controls`` F.
    """

    def __init__(self, latent_channels: int, controls: int, widths: Sequence[int] = (64, 128, 128)) -> None:
        super().__init__()
        sizes = [latent_channels, *widths]
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1),
                nn.GroupNorm(8, after),
                nn.LeakyReLU(0.2),
            )
            for before, after in itertools.pairwise(sizes)
        )
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, kernel_size=1) for width in widths)
        self.projections = nn.ModuleList(nn.Linear(controls, width) for width in widths)

    def forward(self, latents: Tensor, controls: Tensor) -> Tensor:
        """Logits (B, P) of ``latents`` (B, C, h, w) under ``controls`` (B, F)."""
        logits, x = [], latents
        for level, head, project in zip(self.levels, self.heads, self.projections, strict=True):
            x = level(x)
            alike = (x * project(controls)[:, :, None, None]).mean(dim=1, keepdim=True)
            logits.append((head(x) + alike).flatten(1))
        return torch.cat(logits, dim=1)


def adversarial_step(
    networks: Networks,
    discriminator: Discriminator,
    pools: Mapping[int, LatentPool],
    settings: AdversarialLoss,
    timesteps: Sequence[int],
) -> LossFunction:
    """The ControlNet's loss and the discriminator's, added; neither moves the other network.

    ``timesteps``: those of the sampler.
    """
    anchor = diffusion_step(networks, pools, settings.anchor)
    order = list(pools)
    device = next(networks.unet.parameters()).device
    alphas_cumprod = networks.scheduler.alphas_cumprod.to(device)

    def loss(rng: np.random.Generator, step: int) -> Tensor:
        learnt = settings.learnt if step >= settings.head_start else 0
        side = pools[order[0]].latents.shape[-1]
        drawn = [
            pools[m].draw(rng, len(range(k, settings.batch, len(order))), side) for k, m in enumerate(order)
        ]
        measured = torch.cat([d[0] for d in drawn]).to(device)
        controls = torch.cat([d[1] for d in drawn]).to(device)
        start = torch.from_numpy(rng.standard_normal(measured.shape, dtype=np.float32)).to(device)
        noise = torch.from_numpy(rng.standard_normal((2, *measured.shape), dtype=np.float32)).to(device)
        at = torch.from_numpy(rng.integers(0, settings.noisiest, len(measured))).to(device)
        share = alphas_cumprod[at][:, None, None, None]

        def noised(latents: Tensor, other: Tensor) -> Tensor:
            mixed: Tensor = share.sqrt() * latents + (1.0 - share).sqrt() * other
            return mixed.contiguous(memory_format=torch.channels_last)

        with torch.autocast(device.type, torch.bfloat16):
            made = solve(networks, start, controls, timesteps=timesteps, learnt=learnt)
            of_made = discriminator(noised(made.detach(), noise[0]), controls)
            of_measured = discriminator(noised(measured, noise[1]), controls)
        told_apart = functional.softplus(of_made) + functional.softplus(-of_measured)
        total: Tensor = anchor(rng, step) + told_apart.float().mean()
        if learnt:
            held = {name: weight.detach() for name, weight in discriminator.named_parameters()}
            with torch.autocast(device.type, torch.bfloat16):
                seen = (noised(made, noise[0]), controls)
                taken_for = torch.func.functional_call(discriminator, held, seen)
            total = total + settings.weight * functional.softplus(-taken_for).float().mean()
        return total

    return loss
