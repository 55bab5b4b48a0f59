from pathlib import Path

import numpy as np
import pytest
import torch

from models.generator.optimisation import Schedule, Training, checkpoint_state, load_averaged
from models.generator.team import Team

pytestmark = pytest.mark.slow  # it brings in the networks

SCHEDULE = Schedule(steps=6, learning_rate=0.05, warmup=2, checkpoint_every=3)


def fresh() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Linear(3, 1)


def loss_of(model: torch.nn.Module, stop_at: int | None = None):  # type: ignore[no-untyped-def]
    def loss(rng: np.random.Generator, step: int) -> torch.Tensor:
        if step == stop_at:
            raise KeyboardInterrupt
        x = torch.from_numpy(rng.normal(size=(8, 3)).astype(np.float32))
        return (model(x) - x.sum(1, keepdim=True)).square().mean()

    return loss


def test_it_learns() -> None:
    model = fresh()
    schedule = Schedule(steps=300, learning_rate=0.05, warmup=5, average_decay=0.9)
    assert Training({"m": model}, schedule, 0, quiet=True).run(loss_of(model)) < 0.2


def test_a_killed_run_continues_to_the_same_weights(tmp_path: Path) -> None:
    whole = fresh()
    Training({"m": whole}, SCHEDULE, 0, quiet=True).run(loss_of(whole))
    path = tmp_path / "c.safetensors"
    broken = fresh()
    with pytest.raises(KeyboardInterrupt):
        Training({"m": broken}, SCHEDULE, 0, checkpoint=path, quiet=True).run(loss_of(broken, stop_at=4))
    assert checkpoint_state(path)["step"] == 3
    resumed = fresh()
    Training({"m": resumed}, SCHEDULE, 0, checkpoint=path, quiet=True).run(loss_of(resumed))
    assert torch.equal(whole.weight, resumed.weight)
    restored = fresh()
    assert load_averaged(path, {"m": restored}) == 6
    assert torch.equal(whole.weight, restored.weight)


def test_frozen_parts_stay(tmp_path: Path) -> None:
    base, part = fresh(), fresh()
    base.requires_grad_(False)
    before = base.weight.clone()
    Training({"part": part}, SCHEDULE, 0, quiet=True).run(loss_of(torch.nn.Sequential(part)))
    assert torch.equal(before, base.weight)


def test_the_rate_rises_holds_and_falls() -> None:
    schedule = Schedule(steps=100, learning_rate=1.0, warmup=10, decay=0.2)
    assert schedule.rate(0) == pytest.approx(0.1)
    assert schedule.rate(50) == 1.0
    assert schedule.rate(90) == pytest.approx(0.5)
    assert schedule.rate(99) == pytest.approx(0.05)


def test_accumulated_batches_make_one_step_of_their_mean() -> None:
    schedule = Schedule(steps=1, learning_rate=0.1, warmup=1, decay=0.0, clip=1e9, accumulate=2)
    seen = []

    def loss(rng: np.random.Generator, step: int) -> torch.Tensor:
        x = torch.from_numpy(rng.normal(size=(4, 3)).astype(np.float32))
        seen.append(x)
        return model(x).square().mean()

    model = fresh()
    training = Training({"m": model}, schedule, 0, quiet=True)
    gradients = []
    training.team = SpyTeam(gradients)
    training.run(loss)
    assert len(seen) == 2
    assert not torch.equal(*seen)
    reference = fresh()
    (0.5 * (reference(seen[0]).square().mean() + reference(seen[1]).square().mean())).backward()
    assert torch.allclose(gradients[0], reference.weight.grad)


class SpyTeam(Team):
    """A team of one that keeps the gradient that it would average."""

    def __init__(self, kept: list[torch.Tensor]) -> None:
        super().__init__()
        object.__setattr__(self, "kept", kept)

    def average(self, parameters) -> None:  # type: ignore[no-untyped-def]
        self.kept.append(next(iter(parameters)).grad.clone())  # type: ignore[attr-defined]
