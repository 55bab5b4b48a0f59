"""One training loop for every stage: schedule, averaged weights, checkpoints that survive a kill."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from models.errors import UnusableInput
from models.generator.team import Team
from models.generator.writing import writing

LossFunction = Callable[[np.random.Generator, int], Tensor]
"""(random numbers of this step and process, step) → scalar loss with its graph."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: linear warm-up, constant rate, linear fall over the last ``decay`` share.

    The constant middle lets a run be lengthened after a look at it. ``accumulate``: batches whose gradients
    make one step, where a large batch does not fit into memory. ``momentum``: AdamW's β₁.
    ``clip``: largest norm of each module's gradient.
    """

    steps: int
    learning_rate: float
    warmup: int = 100
    decay: float = 0.3
    weight_decay: float = 0.01
    momentum: float = 0.9
    average_decay: float = 0.998
    clip: float = 1.0
    checkpoint_every: int = 250
    accumulate: int = 1

    def rate(self, step: int) -> float:
        """Learning rate of ``step``."""
        falling = max(1, round(self.steps * self.decay))
        return self.learning_rate * min(1.0, (step + 1) / max(1, self.warmup), (self.steps - step) / falling)


@dataclass
class Training:
    """Trains ``modules`` together; afterwards they hold the exponentially averaged weights.

    With a ``checkpoint`` path the run continues where it stopped, with the same result as if it had not:
    every step draws its random numbers from (seed, process, step) alone. ``faster`` multiplies the learning
    rate of modules by name. ``progress`` is told (steps done, steps) in place of a bar. ``on_checkpoint`` is
    told (steps done, smoothed loss) while the modules hold the averaged weights; True ends the training.
    ``on_gradients`` is called before each step, when gradients are averaged over the team.
    """

    modules: Mapping[str, nn.Module]
    schedule: Schedule
    seed: int
    team: Team = field(default_factory=Team)
    checkpoint: Path | None = None
    label: str = "training"
    quiet: bool = False
    progress: Callable[[int, int], None] | None = None
    on_checkpoint: Callable[[int, float], bool] | None = None
    on_gradients: Callable[[], None] | None = None
    faster: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._named = {
            f"{m}.{n}": p
            for m, module in self.modules.items()
            for n, p in module.named_parameters()
            if p.requires_grad
        }
        self._average = {n: p.detach().clone() for n, p in self._named.items()}
        groups = [
            {
                "params": [p for n, p in self._named.items() if n.startswith(f"{label}.")],
                "factor": self.faster.get(label, 1.0),
            }
            for label in self.modules
        ]
        self._optimiser = torch.optim.AdamW(
            groups,
            lr=0.0,
            betas=(self.schedule.momentum, 0.99),
            weight_decay=self.schedule.weight_decay,
            foreach=True,
        )

    def run(self, loss: LossFunction) -> float:
        """Train to the end of the schedule and load the averaged weights; the smoothed last loss."""
        first, smoothed = self._resume()
        with tqdm(
            total=self.schedule.steps,
            initial=first,
            desc=self.label,
            unit="step",
            disable=self.quiet or self.progress is not None or not self.team.leads,
            mininterval=2.0,
        ) as bar:
            for step in range(first, self.schedule.steps):
                now = 0.0
                for part in range(self.schedule.accumulate):
                    key = [self.seed, self.team.rank, step, *([part] if part else [])]
                    value = loss(np.random.default_rng(key), step) / self.schedule.accumulate
                    value.backward()  # type: ignore[no-untyped-call]
                    now += float(value.detach())
                self.team.average(self._named.values())
                if self.on_gradients is not None:
                    self.on_gradients()
                for group in self._optimiser.param_groups:
                    torch.nn.utils.clip_grad_norm_(group["params"], self.schedule.clip)
                    group["lr"] = self.schedule.rate(step) * group["factor"]
                self._optimiser.step()
                self._optimiser.zero_grad(set_to_none=True)
                self._follow(step)
                smoothed = now if step == 0 else 0.98 * smoothed + 0.02 * now
                bar.set_postfix(loss=f"{smoothed:.4f}", refresh=False)
                bar.update()
                done = step + 1
                if self.progress is not None:
                    self.progress(done, self.schedule.steps)
                due = done % self.schedule.checkpoint_every == 0 or done == self.schedule.steps
                if (
                    self.checkpoint
                    and due
                    and self.team.agree(self.team.leads and self._look(done, smoothed))
                ):
                    break
        for name, parameter in self._named.items():
            parameter.data.copy_(self._average[name])
        return smoothed

    def averaged(self) -> "_Swapped":
        """Context in which the modules hold the averaged weights."""
        return _Swapped(self._named, self._average)

    def _look(self, done: int, smoothed: float) -> bool:
        """Write a checkpoint and have it looked at; whether training ends here."""
        assert self.checkpoint is not None
        with writing(self.checkpoint.parent):
            self._write(self.checkpoint, done, smoothed)
            if self.on_checkpoint is None:
                return False
            with self.averaged():
                enough = self.on_checkpoint(done, smoothed)
            if enough:
                self._write(self.checkpoint, done, smoothed, early=True)
        return enough

    def _follow(self, step: int) -> None:
        decay = min(self.schedule.average_decay, (1 + step) / (10 + step))
        averages = list(self._average.values())
        torch._foreach_lerp_(averages, [p.detach() for p in self._named.values()], 1.0 - decay)

    def _write(self, path: Path, step: int, loss: float, *, early: bool = False) -> None:
        tensors: dict[str, Tensor] = {}
        for name, parameter in self._named.items():
            state = self._optimiser.state[parameter]
            tensors[f"weight/{name}"] = parameter.detach().contiguous()
            tensors[f"average/{name}"] = self._average[name].contiguous()
            tensors[f"first/{name}"] = state["exp_avg"].contiguous()
            tensors[f"second/{name}"] = state["exp_avg_sq"].contiguous()
        temporary = path.with_suffix(".writing")
        state = {"step": step, "loss": loss, "ended_early": early}
        try:
            save_file(tensors, temporary, metadata={"state": json.dumps(state)})
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def _resume(self) -> tuple[int, float]:
        if self.checkpoint is None or not self.checkpoint.exists():
            return 0, 0.0
        state = checkpoint_state(self.checkpoint)
        with opened(self.checkpoint) as stored:
            for name, parameter in self._named.items():
                parameter.data.copy_(stored.get_tensor(f"weight/{name}"))
                self._average[name].copy_(stored.get_tensor(f"average/{name}"))
                self._optimiser.state[parameter] = {
                    "step": torch.tensor(float(state["step"])),
                    "exp_avg": torch.empty_like(parameter).copy_(stored.get_tensor(f"first/{name}")),
                    "exp_avg_sq": torch.empty_like(parameter).copy_(stored.get_tensor(f"second/{name}")),
                }
        return int(state["step"]), float(state["loss"])


class _Swapped:
    def __init__(self, named: Mapping[str, nn.Parameter], average: Mapping[str, Tensor]) -> None:
        self._named, self._average = named, average
        self._kept: dict[str, Tensor] = {}

    def __enter__(self) -> None:
        for name, parameter in self._named.items():
            self._kept[name] = parameter.data.clone()
            parameter.data.copy_(self._average[name])

    def __exit__(self, *_: object) -> None:
        for name, parameter in self._named.items():
            parameter.data.copy_(self._kept[name])


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A checkpoint to read from. Errors: :class:`UnusableInput` when it is damaged."""
    try:
        with safe_open(path, framework="pt") as stored:
            yield stored
    except SafetensorError as error:
        raise UnusableInput(
            f"The checkpoint {path} is damaged ({error}); delete it, and its stage begins anew."
        ) from error


def checkpoint_state(path: Path) -> dict[str, Any]:
    """Step and smoothed loss of a checkpoint."""
    with opened(path) as stored:
        state: dict[str, Any] = json.loads(stored.metadata()["state"])
    return state


def load_averaged(path: Path, modules: Mapping[str, nn.Module]) -> int:
    """Put the averaged weights of a checkpoint into ``modules``; the step they are from."""
    with opened(path) as stored:
        available = set(stored.keys())
        for label, module in modules.items():
            for name, parameter in module.named_parameters():
                if (key := f"average/{label}.{name}") in available:
                    parameter.data.copy_(stored.get_tensor(key))
    return int(checkpoint_state(path)["step"])
