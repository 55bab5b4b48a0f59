"""Train the segmenter: ``python -m models.morphology.learned.train DATA --out DIR``.

``DATA`` holds labelled pictures as ``python -m sim.styles DATA`` writes them; every 20th is kept aside to
validate on. ``DIR`` gets ``model.safetensors`` and ``state.pt`` on the way: the same command again goes on
from there. A core is enough; ``--processes`` average their gradients.
"""

import argparse
import json
import math
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from models.errors import UnusableInput
from models.generator.team import Team, run_together
from models.morphology.learned.crops import Labelled, batch, load_pictures
from models.morphology.learned.inference import predicted, stretched
from models.morphology.learned.instances import Cut, cut
from models.morphology.learned.network import SegmentationNet, load, save
from models.morphology.learned.scores import f1

STATE, MODEL, LOG = "state.pt", "model.safetensors", "log.jsonl"
VALIDATE_EVERY_PICTURE = 20
VALIDATED_PICTURES = 24
SAVE_EVERY = 100
WARM_UP = 60
BOUNDARY_WEIGHT = 2.0
"""Boundaries are few: their pixels count more."""
DISTANCE_WEIGHT = 4.0
AVERAGED = 0.998
"""Share of the running mean of the weights, which is what is kept, in its next value."""


def loss(maps: Tensor, targets: Tensor) -> Tensor:
    """Weighted sum over the three maps (B, 3, H, W) against interior, boundary, distance, weight."""
    interior, boundary, distance, weight = targets.unbind(1)
    return (
        binary_cross_entropy_with_logits(maps[:, 0], interior, weight)
        + binary_cross_entropy_with_logits(maps[:, 1], boundary, weight * (1.0 + BOUNDARY_WEIGHT * boundary))
        + DISTANCE_WEIGHT * (weight * (maps[:, 2] - distance) ** 2).mean()
    )


def learning_rate(step: int, steps: int, highest: float) -> float:
    """Linear to the highest over the first steps, then down along a cosine to nothing."""
    warm = min(1.0, (step + 1) / WARM_UP)
    return highest * warm * 0.5 * (1.0 + math.cos(math.pi * min(step / steps, 1.0)))


def train(
    data: Path,
    out: Path,
    *,
    steps: int = 2500,
    size: int = 8,
    side: int = 256,
    highest_rate: float = 3e-3,
    seed: int = 0,
    start: Path | None = None,
    processes: int = 1,
) -> None:
    """Train on the pictures in ``data``, write to ``out``, print F1 on those kept aside.

    Each of the ``processes`` takes ``size`` crops of ``side`` px a step; ``start``: weights to begin with.
    Goes on where an earlier call with the same ``out`` was cut off. Errors: :class:`UnusableInput` for a
    folder without pictures.
    """
    run_together(_train, (data, out, steps, size, side, highest_rate, seed, start), processes)


def _train(
    data: Path,
    out: Path,
    steps: int,
    size: int,
    side: int,
    highest_rate: float,
    seed: int,
    start: Path | None,
    team: Team,
) -> None:
    pictures = load_pictures(data)
    kept = pictures[::VALIDATE_EVERY_PICTURE][:VALIDATED_PICTURES] if len(pictures) > 1 else pictures
    used = [p for i, p in enumerate(pictures) if i % VALIDATE_EVERY_PICTURE] or pictures
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    device = torch.device(team.device)
    network = _started(start).to(device).to(memory_format=torch.channels_last)
    averaged = deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=highest_rate, weight_decay=1e-4)
    begun = _resume(out / STATE, network, averaged, optimiser)
    network.train()
    bar = tqdm(range(begun, steps), initial=begun, total=steps, unit="step", disable=not team.leads)
    for step in bar:
        # Drawn from the seed and the step alone, so that a run cut off goes on as if it had not been.
        inputs, targets = batch(used, size, side, np.random.default_rng([seed, step, team.rank]))
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps, highest_rate)
        with torch.autocast(device.type, torch.bfloat16):
            maps = network(inputs.to(device).contiguous(memory_format=torch.channels_last))
        value = loss(maps.float(), targets.to(device))
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        team.average(network.parameters())
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        follow(averaged, network)
        reached = float(value.detach())
        bar.set_postfix(loss=f"{reached:.3f}")
        if team.leads and ((step + 1) % SAVE_EVERY == 0 or step + 1 == steps):
            _store(out, network, averaged, optimiser, step + 1, reached)
            save(averaged, out / MODEL)
    if team.leads:
        print(f"F1 at IoU 0.5 on {len(kept)} pictures kept aside: {validate(averaged, kept):.3f}")


def follow(averaged: SegmentationNet, network: SegmentationNet) -> None:
    """Take the newest weights into their running mean, which errs less than any one step's."""
    newest = network.state_dict()
    for name, value in averaged.state_dict().items():
        if value.is_floating_point():
            value.lerp_(newest[name], 1.0 - AVERAGED)


def validate(network: SegmentationNet, pictures: list[Labelled]) -> float:
    """F1 of the network's particles on whole pictures."""
    network.eval()
    found = []
    for picture in pictures:
        pixels = picture.pixels[None].astype(np.float32) / 255.0
        found.append(cut(predicted(network, stretched(pixels))[0], Cut()))
    network.train()
    return f1(found, [picture.labels.astype(np.int32) for picture in pictures])


def _started(start: Path | None) -> SegmentationNet:
    return SegmentationNet() if start is None else load(start)


def _resume(
    state: Path, network: SegmentationNet, averaged: SegmentationNet, optimiser: torch.optim.Optimizer
) -> int:
    if not state.is_file():
        return 0
    stored: dict[str, Any] = torch.load(state, weights_only=True, map_location="cpu")
    network.load_state_dict(stored["network"])
    averaged.load_state_dict(stored["averaged"])
    optimiser.load_state_dict(stored["optimiser"])
    return int(stored["step"])


def _store(
    out: Path,
    network: SegmentationNet,
    averaged: SegmentationNet,
    optimiser: torch.optim.Optimizer,
    step: int,
    value: float,
) -> None:
    fresh = out / f"{STATE}.new"
    stored = {
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
    }
    torch.save(stored, fresh)
    os.replace(fresh, out / STATE)
    with (out / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps({"step": step, "loss": round(value, 4)}) + "\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Train the built-in segmenter on labelled pictures.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=8, help="crops a step (default 8)")
    parser.add_argument(
        "--side", type=int, default=256, help="of a crop in px, a multiple of 32 (default 256)"
    )
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate (default 0.003)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1, help="of one thread each (default 1)")
    parser.add_argument("--start", type=Path, help="weights to begin with, instead of random ones")
    args = parser.parse_args()
    try:
        train(
            args.data, args.out, steps=args.steps, size=args.batch, side=args.side,
            highest_rate=args.rate, seed=args.seed, start=args.start,
            processes=args.processes,
        )  # fmt: skip
    except UnusableInput as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
