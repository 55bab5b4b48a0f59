"""The stage that makes few steps draw sharply: what is drawn is to have the statistics of what was measured.

A mean-square loss teaches the mean of all images that a noisy one may have been; of a small network that is a
blur, and a net in place of needles. Here the ControlNet learns from what the sampler itself draws: gradients
go through the last evaluations of the very sampler that users run, from pure noise, through the decoder, to
the statistics of :mod:`models.generator.scattering`. Their mean is to be that of measured tiles under the
same conditions (moment matching: Li, Swersky & Zemel, "Generative moment matching networks", ICML 2015): a
discriminator that is linear in known statistics, and whose weights need not be learnt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from models.generator.diffusion import DiffusionLoss, diffusion_step
from models.generator.latents import LatentPool
from models.generator.networks import Networks
from models.generator.optimisation import LossFunction
from models.generator.sampling import decoded, solve
from models.generator.scattering import Scattering

BATCH = 32
RIDGE = 1e-4
NOISE_FLOOR = 0.05
"""Added to the variances, in units of the mean one: directions that hardly vary must not outweigh others."""


@dataclass(frozen=True)
class MatchingLoss:
    """``weight`` of the statistics' departure, beside ``anchor``, the diffusion loss on measured tiles.

    ``learnt``: how many of the sampler's last evaluations gradients go through. ``batch``: tiles drawn per
    step and process, ``finest`` of them at the greatest magnification, whose textures take longest to learn.
    ``tiles``: how many measured ones of each magnification tell what is expected. ``memory``: share of what
    was known of the departure that is kept at each step. ``slopes``: what a slope over the conditions counts,
    beside the mean; a batch tells each as badly as it tells the mean, and there are eight.
    """

    anchor: DiffusionLoss = field(default_factory=lambda: DiffusionLoss(dropout=0.0, batch=4))
    weight: float = 0.02
    learnt: int = 4
    batch: int = 9
    finest: int = 6
    tiles: int = 1200
    memory: float = 0.97
    slopes: float = 0.25


class Expected:
    """What statistics (N, K) of measured tiles are under their ``controls`` (N, F), and how they scatter.

    Their mean is a quadratic function of the controls that vary; what is left of them is uncorrelated and of
    unit variance after :meth:`departures`.
    """

    def __init__(self, statistics: Tensor, controls: Tensor) -> None:
        centre, scale = controls.mean(dim=0), controls.std(dim=0)
        self._varying = (scale > 1e-4).nonzero()[:, 0]
        self._centre, self._scale = centre[self._varying], scale[self._varying]
        terms = self._quadratic(controls)
        gram = terms.T @ terms + RIDGE * len(terms) * torch.eye(terms.shape[1], device=terms.device)
        self._weights = torch.linalg.solve(gram, terms.T @ statistics)
        left = statistics - terms @ self._weights
        self._spread = left.std(dim=0) + 1e-6
        scaled = left / self._spread
        variances, directions = torch.linalg.eigh(scaled.T @ scaled / len(scaled))
        self._whitening = directions / (variances.clamp(min=0.0) + NOISE_FLOOR).sqrt()
        self.nothing = torch.zeros_like(statistics[:1]).T * self.linear(controls[:1])
        """No departure at any conditions: zeros (K, Q)."""

    def departures(self, statistics: Tensor, controls: Tensor) -> Tensor:
        """How far ``statistics`` (B, K) are from what is expected under ``controls`` (B, F), (B, K)."""
        left = (statistics - self._quadratic(controls) @ self._weights) / self._spread
        whitened: Tensor = left @ self._whitening
        return whitened

    def linear(self, controls: Tensor) -> Tensor:
        """One and the controls that vary, standardised: (B, Q)."""
        scaled = (controls[:, self._varying] - self._centre) / self._scale
        return torch.cat([torch.ones_like(controls[:, :1]), scaled], dim=1)

    def _quadratic(self, controls: Tensor) -> Tensor:
        linear = self.linear(controls)
        first, second = torch.triu_indices(linear.shape[1], linear.shape[1], device=linear.device)
        return linear[:, first] * linear[:, second]


class Departure(nn.Module):
    """The mean departure of what is drawn, and its slopes over the conditions, followed from step to step.

    A batch is too small to tell it. Parameters, whose gradients are what they differ from that of a batch by:
    so the batches of all processes tell it, and it is stored with the weights. ``memory``: of a running mean.
    """

    def __init__(self, expected: Mapping[int, Expected], memory: float) -> None:
        super().__init__()
        self._memory = memory
        self.means = nn.ParameterDict({str(m): nn.Parameter(one.nothing) for m, one in expected.items()})

    def follow(self) -> None:
        """Move the running means, and leave the optimiser nothing to move them by."""
        for mean in self.parameters():
            assert mean.grad is not None
            mean.data -= (1.0 - self._memory) * mean.grad
            mean.grad.zero_()


class Matching:
    """What is expected of each magnification, and the departure from it; ``settings`` as given.

    ``mean`` and ``std``: of the latents per channel.
    """

    def __init__(
        self,
        networks: Networks,
        pools: Mapping[int, LatentPool],
        settings: MatchingLoss,
        latents: tuple[Sequence[float], Sequence[float]],
        *,
        seed: int = 0,
        quiet: bool = False,
    ) -> None:
        self._networks, self._pools, self._settings = networks, pools, settings
        self._device = next(networks.unet.parameters()).device
        self._mean, self._std = (torch.tensor(part, device=self._device) for part in latents)
        others, last = sorted(pools)[:-1], max(pools)
        finest = settings.finest if others else settings.batch
        self._shares = {last: finest}
        for k, magnification in enumerate(others):
            self._shares[magnification] = len(range(k, settings.batch - finest, len(others)))
        networks.vae.eval().requires_grad_(False)
        rng = np.random.default_rng([seed, 3])
        bar = tqdm(
            total=settings.tiles * len(pools), desc="statistics of measured tiles", unit="tile", disable=quiet
        )
        self._scattering: Any = None
        self._expected = {}
        for magnification, pool in pools.items():
            found, controls = [], []
            for start in range(0, settings.tiles, BATCH):
                size = min(BATCH, settings.tiles - start)
                tiles, under = pool.draw(rng, size, pool.latents.shape[-1])
                with torch.no_grad():
                    found.append(self.statistics(tiles.to(self._device)))
                controls.append(under.to(self._device))
                bar.update(size)
            self._expected[magnification] = Expected(torch.cat(found), torch.cat(controls))
        bar.close()
        self.departure = Departure(self._expected, settings.memory)

    def statistics(self, latents: Tensor) -> Tensor:
        """Statistics (B, K) of the images that latents (B, C, h, w) stand for."""
        with torch.autocast(self._device.type, torch.bfloat16):
            images = decoded(self._networks.vae, latents, self._mean, self._std)
        if self._scattering is None:
            self._scattering = Scattering(images.shape[-1]).to(self._device)
        found: Tensor = self._scattering(images)
        return found

    def step(self, timesteps: Sequence[int]) -> LossFunction:
        """The ControlNet's loss and that by which the departure is followed; neither moves the other.

        ``timesteps``: those of the sampler.
        """
        settings, pools = self._settings, self._pools
        anchor = diffusion_step(self._networks, pools, settings.anchor)
        side = next(iter(pools.values())).latents.shape[-1]

        def loss(rng: np.random.Generator, step: int) -> Tensor:
            drawn = {m: pools[m].draw(rng, number, side) for m, number in self._shares.items()}
            controls = torch.cat([under for _, under in drawn.values()]).to(self._device)
            shape = (len(controls), *next(iter(drawn.values()))[0].shape[1:])
            noise = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32)).to(self._device)
            with torch.autocast(self._device.type, torch.bfloat16):
                made = solve(self._networks, noise, controls, timesteps=timesteps, learnt=settings.learnt)
            statistics = self.statistics(made)
            total: Tensor = anchor(rng, step)
            start = 0
            for magnification, (tiles, _) in drawn.items():
                rows = slice(start, start + len(tiles))
                start += len(tiles)
                now = self._mean_departure(magnification, statistics[rows], controls[rows])
                followed = self.departure.means[str(magnification)]
                # The gradient of |departure|², whose mean over many steps stands for that over many images.
                mean, *slopes = (followed.detach() * now).sum(dim=0)
                total = total + settings.weight * 2.0 * (mean + settings.slopes * sum(slopes))
                total = total + (followed * (followed - now).detach()).sum()
            return total

        return loss

    def _mean_departure(self, magnification: int, statistics: Tensor, controls: Tensor) -> Tensor:
        expected = self._expected[magnification]
        each = expected.departures(statistics, controls)
        return each.T @ expected.linear(controls) / len(each)
