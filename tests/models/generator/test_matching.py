import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import UnusableInput
from models.generator import load
from models.generator.diffusion import DiffusionLoss
from models.generator.latents import LatentPool
from models.generator.matching import Expected, Matching, MatchingLoss
from models.generator.networks import Networks
from models.generator.optimisation import Schedule, Training
from models.generator.sampling import denoise, shared_noise, solve
from models.generator.train import train
from tests.models.generator.stand_in import networks, write_dataset
from tests.models.generator.test_train import STEPS, plan

pytestmark = pytest.mark.slow  # it brings in the networks

TIMESTEPS = (999, 500, 50)
LATENTS = ((0.0,) * 4, (1.0,) * 4)
SETTINGS = MatchingLoss(anchor=DiffusionLoss(dropout=0.0, batch=4), weight=1.0, learnt=3, batch=8, tiles=64)
BOARD = np.where(np.indices((16, 16)).sum(axis=0) % 2, 1.0, -1.0)


def pools() -> dict[int, LatentPool]:
    """Measured latents are chessboards of either colouring, whose mean is a blank."""
    rng = np.random.default_rng(0)
    latents = rng.choice([-1.0, 1.0], (32, 1, 1, 1)) * BOARD + rng.normal(0, 0.1, (32, 4, 16, 16))
    return {500: LatentPool(latents.astype(np.float16), np.ones((32, 7), np.float32))}


def gradients(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])


def test_what_is_expected_follows_the_conditions_and_measured_tiles_do_not_depart_from_it() -> None:
    rng = torch.Generator().manual_seed(0)
    controls = torch.cat([torch.rand((900, 2), generator=rng), torch.ones(900, 1)], dim=1)
    noise = torch.randn((900, 5), generator=rng) @ torch.randn((5, 5), generator=rng)
    statistics = controls[:, :1] ** 2 * 8.0 + controls[:, 1:2] + noise
    expected = Expected(statistics[:800], controls[:800])
    same = expected.departures(statistics[800:], controls[800:])
    assert same.mean(dim=0).abs().max() < 0.4
    assert same.std(dim=0).max() < 1.3
    other = expected.departures(statistics[800:] + 3.0 * noise[:800].std(dim=0), controls[800:])
    assert other.mean(dim=0).norm() > 2.0
    slopes = expected.linear(controls)
    assert slopes.shape == (900, 3)
    assert torch.allclose(slopes[:800].mean(dim=0), torch.tensor([1.0, 0.0, 0.0]), atol=1e-5)


def test_neither_is_moved_by_the_other_one_s_loss() -> None:
    found = []
    for weight, followed in ((0.0, 0.0), (1.0, 0.0), (1.0, 0.5)):
        parts = networks()
        parts.controlnet.requires_grad_(True)
        settings = dataclasses.replace(SETTINGS, weight=weight)
        matching = Matching(parts, pools(), settings, LATENTS, quiet=True)
        for mean in matching.departure.parameters():
            mean.data.fill_(followed)
        matching.step(TIMESTEPS)(np.random.default_rng(0), 0).backward()
        found.append((gradients(parts.controlnet), gradients(matching.departure)))
    (bare, first), (unknown, second), (known, third) = found
    assert torch.equal(first, second)
    assert torch.allclose(third - second, torch.full_like(first, 0.5), atol=1e-5)
    assert torch.allclose(bare, unknown)  # nothing is known of the departure yet
    assert not torch.allclose(bare, known, rtol=1e-2)


def drawn_by(parts: Networks, number: int, seed: int) -> torch.Tensor:
    noise = shared_noise(number, (4, 16, 16), seed)
    return denoise(parts, noise, torch.ones(number, 7), timesteps=TIMESTEPS)


def departure_left(weight: float) -> float:
    """Squared, how far networks are from others, whose ControlNet says more, after learning what they draw.

    What is left of it when those are compared with themselves, having drawn few, is taken off.
    """
    parts, others = networks(), networks()
    for block in others.controlnet.controlnet_down_blocks:
        block.weight.data *= 12.0
    parts.controlnet.requires_grad_(True)
    tiles, ones = drawn_by(others, 512, 1), torch.ones(512, 7)
    pool = {500: LatentPool(tiles.numpy().astype(np.float16), ones.numpy())}
    settings = dataclasses.replace(SETTINGS, weight=weight, memory=0.8, tiles=512)
    matching = Matching(parts, pool, settings, LATENTS, quiet=True)
    modules = {"controlnet": parts.controlnet, "departure": matching.departure}
    schedule = Schedule(60, 2e-3, warmup=2, weight_decay=0.0, momentum=0.5, average_decay=0.8)
    follow = matching.departure.follow
    Training(modules, schedule, 1, quiet=True, on_gradients=follow).run(matching.step(TIMESTEPS))
    with torch.no_grad():
        expected = Expected(matching.statistics(tiles), ones)
        ours, theirs = (
            expected.departures(matching.statistics(drawn_by(one, 256, 2)), ones[:256]).mean(dim=0)
            for one in (parts, others)
        )
    return float(ours.square().sum() - theirs.square().sum())


def test_what_is_drawn_comes_to_depart_less() -> None:
    assert departure_left(1.0) < 0.5 * departure_left(0.0)


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
    old = train(data, tmp_path / "run", plan(matched=Schedule(0, 1e-4)))
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
