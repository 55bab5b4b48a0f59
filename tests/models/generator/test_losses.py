import numpy as np
import pytest
import torch

from models.generator.autoencoding import AutoencoderLoss, autoencoder_loss, bands
from models.generator.diffusion import DiffusionLoss, diffusion_step, draw_timesteps, multiscale_error
from models.generator.latents import LatentPool
from tests.models.generator.stand_in import networks

pytestmark = pytest.mark.slow  # it brings in the networks


class NoDivergence:
    def kl(self) -> torch.Tensor:
        return torch.zeros(1)


def test_blur_costs_more_than_a_shifted_texture_of_the_same_energy() -> None:
    torch.manual_seed(0)
    target = torch.randn(2, 1, 32, 32) * 0.2
    blurred, energetic = torch.zeros_like(target), torch.roll(target, 9, dims=-1)
    weights = AutoencoderLoss(detail=0.0, energy=10.0)
    blur, shift = (autoencoder_loss(NoDivergence(), made, target, weights) for made in (blurred, energetic))
    assert float(blur) > float(shift)
    assert float(autoencoder_loss(NoDivergence(), target, target, weights)) == pytest.approx(0.0, abs=1e-6)


def test_bands_of_a_flat_image_are_empty() -> None:
    assert all(float(band.abs().max()) == 0.0 for band in bands(torch.full((1, 1, 32, 32), 0.3)))


def test_white_errors_weigh_alike_at_each_scale_and_coarse_ones_more() -> None:
    torch.manual_seed(0)
    white = torch.randn(64, 4, 16, 16)
    zero = torch.zeros_like(white)
    assert float(multiscale_error(white, zero, 1.0)) == pytest.approx(
        2.0 * float(multiscale_error(white, zero, 0.0)), rel=0.05
    )
    offset = torch.ones_like(white)
    assert float(multiscale_error(offset, zero, 1.0)) > 5.0 * float(multiscale_error(offset, zero, 0.0))


def test_timesteps_stay_in_range_and_favour_the_middle() -> None:
    drawn = draw_timesteps(np.random.default_rng(0), 4000, DiffusionLoss()).numpy()
    assert 0 <= drawn.min() <= drawn.max() <= 999
    middle = np.mean((drawn > 250) & (drawn < 750))
    assert 0.5 < middle < 0.8


def test_dropped_control_leaves_the_controlnet_without_gradient() -> None:
    parts = networks()
    parts.controlnet.requires_grad_(True)
    parts.unet.requires_grad_(True)
    pool = LatentPool(np.zeros((4, 4, 16, 16), np.float16), np.ones((4, 7), np.float32))
    for dropout, silent in ((1.0, True), (0.0, False)):
        settings = DiffusionLoss(dropout=dropout, batch=4)
        step = diffusion_step(parts, {500: pool}, settings)
        parts.controlnet.zero_grad()
        step(np.random.default_rng(0), 0).backward()
        gradient = sum(float(p.grad.abs().sum()) for p in parts.controlnet.parameters() if p.grad is not None)
        assert (gradient == 0.0) is silent


def test_a_controlnet_learns_what_it_draws_under_guidance_from_a_copy_of_itself() -> None:
    parts = networks()
    pool = LatentPool(np.zeros((4, 4, 16, 16), np.float16), np.ones((4, 7), np.float32))

    def loss(guidance: float, teacher: torch.nn.Module | None) -> float:
        settings = DiffusionLoss(dropout=0.0, coarse=0.0, batch=4, guidance=guidance)
        with torch.no_grad():
            return float(diffusion_step(parts, {500: pool}, settings, teacher)(np.random.default_rng(0), 0))

    itself = loss(1.0, parts.controlnet)
    assert itself == pytest.approx(0.0, abs=1e-6)
    # (b + g·(c − b)) − c = (g − 1)·(c − b)
    weak, strong = loss(1.5, parts.controlnet), loss(2.0, parts.controlnet)
    assert weak > 1e-4
    assert strong == pytest.approx(4.0 * weak, rel=0.05)
    assert loss(1.5, None) > weak
