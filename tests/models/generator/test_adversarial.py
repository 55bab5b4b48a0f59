import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import UnusableInput
from models.generator import load
from models.generator.adversarial import AdversarialLoss, Discriminator, adversarial_step
from models.generator.diffusion import DiffusionLoss, diffusion_step
from models.generator.latents import LatentPool
from models.generator.optimisation import Schedule, Training
from models.generator.sampling import denoise, shared_noise, solve
from models.generator.train import train
from tests.models.generator.stand_in import networks, write_dataset
from tests.models.generator.test_train import STEPS, plan

pytestmark = pytest.mark.slow  # it brings in the networks

TIMESTEPS = (999, 500, 50)
ANCHOR = DiffusionLoss(dropout=0.0, batch=4)


BOARD = np.where(np.indices((16, 16)).sum(axis=0) % 2, 1.0, -1.0)


def pools() -> dict[int, LatentPool]:
    """Measured latents are chessboards of either colouring, whose mean is a blank."""
    rng = np.random.default_rng(0)
    latents = rng.choice([-1.0, 1.0], (32, 1, 1, 1)) * BOARD + rng.normal(0, 0.1, (32, 4, 16, 16))
    return {500: LatentPool(latents.astype(np.float16), np.ones((32, 7), np.float32))}


def gradients(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])


def one_step(weight: float, head_start: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of ControlNet and discriminator after one step of the same random numbers."""
    parts = networks()
    parts.controlnet.requires_grad_(True)
    torch.manual_seed(seed)
    discriminator = Discriminator(4, 7)
    settings = AdversarialLoss(anchor=ANCHOR, weight=weight, learnt=2, head_start=head_start, batch=4)
    adversarial_step(parts, discriminator, pools(), settings, TIMESTEPS)(
        np.random.default_rng(0), 0
    ).backward()
    return gradients(parts.controlnet), gradients(discriminator)


def test_neither_network_is_moved_by_the_other_one_s_loss() -> None:
    light, heavy = one_step(1.0, 0), one_step(100.0, 0)
    assert torch.equal(light[1], heavy[1])
    assert not torch.allclose(light[0], heavy[0], rtol=1e-2)
    other = one_step(0.0, 0, seed=1)  # another discriminator, which nothing is learnt from
    assert torch.allclose(other[0], one_step(0.0, 0)[0])


def test_in_its_head_start_the_discriminator_is_not_believed() -> None:
    parts = networks()
    parts.controlnet.requires_grad_(True)
    rng = np.random.default_rng(0)
    # What the adversarial step draws before its anchor does.
    pools()[500].draw(rng, 4, 16)
    for shape in ((4, 4, 16, 16), (2, 4, 4, 16, 16)):
        rng.standard_normal(shape, dtype=np.float32)
    rng.integers(0, AdversarialLoss().noisiest, 4)
    diffusion_step(parts, pools(), ANCHOR)(rng, 0).backward()
    assert torch.allclose(gradients(parts.controlnet), one_step(1.0, 1)[0], atol=1e-6)


def test_the_discriminator_learns_to_tell_apart_and_the_controlnet_to_be_taken_for_measured() -> None:
    parts = networks()
    parts.unet.requires_grad_(False)
    torch.manual_seed(0)
    discriminator = Discriminator(4, 7)
    settings = AdversarialLoss(anchor=ANCHOR, weight=100.0, learnt=3, head_start=60, batch=8)
    step = adversarial_step(parts, discriminator, pools(), settings, TIMESTEPS)
    controls = torch.ones(8, 7)
    noise, measured = shared_noise(8, (4, 16, 16), 1), torch.from_numpy(pools()[500].latents[:8]).float()

    def logits() -> tuple[float, float]:
        drawn = denoise(parts, noise, controls, timesteps=TIMESTEPS)
        with torch.no_grad():
            first, second = (discriminator(x, controls).mean() for x in (measured, drawn))
        return float(first), float(second)

    Training({"discriminator": discriminator}, Schedule(60, 5e-3, warmup=5), 0, quiet=True).run(step)
    of_measured, of_drawn = logits()
    assert of_measured > 0.0 > of_drawn
    # From the same point on the other one learns alone.
    discriminator.requires_grad_(False)
    parts.controlnet.requires_grad_(True)
    believed = dataclasses.replace(settings, head_start=0)
    step = adversarial_step(parts, discriminator, pools(), believed, TIMESTEPS)
    Training({"controlnet": parts.controlnet}, Schedule(15, 1e-3, warmup=2), 1, quiet=True).run(step)
    assert logits()[0] == of_measured
    assert logits()[1] > of_drawn + 0.2 * (of_measured - of_drawn)


def test_gradients_go_through_the_last_evaluations_alone() -> None:
    parts = networks()
    noise, controls = shared_noise(1, (4, 16, 16), 0), torch.ones(1, 7, requires_grad=True)
    drawn = [solve(parts, noise, controls, timesteps=TIMESTEPS, learnt=n) for n in (0, 1, 3)]
    assert all(
        torch.equal(one, denoise(parts, noise, controls.detach(), timesteps=TIMESTEPS)) for one in drawn
    )
    assert not drawn[0].requires_grad
    short, whole = (torch.autograd.grad(one.sum(), controls)[0] for one in drawn[1:])
    assert not torch.allclose(short, whole)


def test_a_version_is_gone_on_from(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data")
    old = train(data, tmp_path / "run", plan(adversarial=Schedule(0, 1e-4)))
    assert old is not None
    goes_on = plan(name="blobs-2", start=str(old))
    folder = train(data, tmp_path / "further", goes_on)
    assert folder is not None
    first, second = load(old), load(folder)
    assert second.record.lineage.steps == STEPS
    assert second.record.lineage.parent == "blobs-1"
    assert second.record.latent_std == first.record.latent_std
    assert second.record.guidance_learnt == first.record.guidance_learnt
    for part, same in (("vae", True), ("unet", True), ("controlnet", False)):
        name = Path(part) / "diffusion_pytorch_model.safetensors"
        assert ((folder / name).read_bytes() == (old / name).read_bytes()) is same
    with pytest.raises(UnusableInput, match="give --start or --base"):
        train(data, tmp_path / "x", dataclasses.replace(goes_on, base="sd"))
    other = write_dataset(tmp_path / "other", number=13)
    with pytest.raises(UnusableInput, match="was not trained on these data"):
        train(other, tmp_path / "x", goes_on)
