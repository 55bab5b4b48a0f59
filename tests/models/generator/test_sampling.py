import math
import warnings

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler

from models.generator.networks import Networks, build_scheduler
from models.generator.sampling import denoise, shared_noise, spaced_timesteps
from tests.models.generator.stand_in import networks

pytestmark = pytest.mark.slow  # it brings in the networks


class LinearNoise(torch.nn.Module):
    """A noise predictor that any sampler can be followed through by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(0.8))
        self.config = type("C", (), {"cross_attention_dim": 2})()

    def forward(self, x, t, context, **_):  # type: ignore[no-untyped-def]
        return (self.weight * x + 0.1 * torch.tanh(3 * x) * (t[0] / 1000.0),)


def test_agrees_with_the_scheduler_of_diffusers() -> None:
    scheduler: DPMSolverMultistepScheduler = build_scheduler()
    with warnings.catch_warnings():
        # diffusers 0.42 hands tensors to numpy in a way that numpy 2 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        scheduler.set_timesteps(6)
    model = LinearNoise().requires_grad_(False)
    noise = shared_noise(2, (4, 8, 8), 0)
    expected = noise
    for t in scheduler.timesteps:
        expected = scheduler.step(model(expected, t.expand(2), None)[0], t, expected).prev_sample
    parts = Networks(None, model, None, build_scheduler())
    ours = denoise(parts, noise, torch.zeros(2, 1), timesteps=scheduler.timesteps.tolist())
    assert torch.allclose(ours, expected, atol=1e-4)


def test_timesteps_fall_from_pure_noise_to_nearly_none() -> None:
    steps = spaced_timesteps(8, build_scheduler().alphas_cumprod)
    assert len(steps) == 8
    assert steps[0] == 999
    assert list(steps) == sorted(set(steps), reverse=True)
    assert steps[-1] < 50


def test_guidance_of_one_is_the_plain_sampler_and_more_moves_it() -> None:
    parts = networks()
    noise, controls = shared_noise(1, (4, 16, 16), 0), torch.ones(1, 7)
    plain, pushed = (
        denoise(parts, noise, controls, timesteps=(999, 500, 50), guidance=g) for g in (1.0, 2.0)
    )
    base = denoise(
        Networks(parts.vae, parts.unet, None, parts.scheduler), noise, controls, timesteps=(999, 500, 50)
    )
    assert not torch.allclose(plain, base, atol=1e-3)
    assert not torch.allclose(plain, pushed, atol=1e-3)


def test_noise_is_normal_and_differs_between_images_and_seeds() -> None:
    noise = shared_noise(4, (4, 32, 32), 7)
    assert float(noise.std()) == pytest.approx(1.0, abs=0.03)
    correlation = float((noise[0] * noise[1]).mean())
    assert abs(correlation) < 5.0 / math.sqrt(4 * 32 * 32)
    assert not torch.equal(shared_noise(2, (4, 8, 8), 1)[1], shared_noise(2, (4, 8, 8), 2)[0])
