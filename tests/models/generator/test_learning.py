"""Replay, fine-tuning and the gate."""

import dataclasses

import numpy as np
import pytest
import torch

from models.errors import UnusableInput
from models.generator.finetuning import NewTiles, fine_tune
from models.generator.gate import gate
from models.generator.generator import Generator
from models.generator.latents import LatentPool
from models.generator.record import ReferencePoint
from models.generator.replay import Replay, choose_replay
from tests.models.generator.stand_in import blobs, conditions, generator, networks, record

pytestmark = pytest.mark.slow  # it brings in the networks


def replay() -> Replay:
    rng = np.random.default_rng(0)
    pool = LatentPool(rng.normal(size=(12, 4, 16, 16)).astype(np.float16), np.zeros((12, 7), np.float32))
    return choose_replay({500: pool}, {500: np.repeat(np.arange(6, dtype=np.int32), 2)}, 6, seed=0)


def new_tiles(feed: float = 2.5) -> NewTiles:
    rng = np.random.default_rng(1)
    pixels = np.stack([blobs(2.0, rng) for _ in range(4)]).astype(np.float32) / 255.0
    return NewTiles(conditions(feed), 500, pixels)


def with_replay() -> Generator:
    return Generator(networks(), record(), replay().to_bytes())


def test_replay_takes_every_condition_before_any_twice_and_survives_storage() -> None:
    chosen = replay()
    assert sorted(chosen.rows[500].tolist()) == list(range(6))
    stored = Replay.from_bytes(chosen.to_bytes())
    assert np.array_equal(stored.rows[500], chosen.rows[500])
    assert np.abs(stored.latents[500].astype(float) - chosen.latents[500]).max() < 0.03


def test_fine_tuning_moves_the_controlnet_alone_and_is_reproducible() -> None:
    parent = with_replay()
    before = [p.clone() for p in parent.networks.controlnet.parameters()]
    candidate = fine_tune(parent, [new_tiles()], steps=3, seed=5, created="2026-01-02")
    again = fine_tune(parent, [new_tiles()], steps=3, seed=5, created="2026-01-02")
    assert candidate.version == again.version != parent.version
    assert candidate.version.startswith("blobs-1-ft-")
    assert all(
        torch.equal(a, b) for a, b in zip(before, parent.networks.controlnet.parameters(), strict=True)
    )
    assert candidate.networks.unet is parent.networks.unet
    assert candidate.record.lineage.parent == "blobs-1"
    assert candidate.record.lineage.tiles == {500: 4}
    # What was measured belongs to the training manifold from now on.
    assert parent.manifold_distance(conditions(2.5)) > 1.0
    assert candidate.manifold_distance(conditions(2.5)) <= candidate.manifold_distance(conditions(2.9))
    assert candidate.record.trained_on[: len(parent.record.trained_on)] == parent.record.trained_on


def moved(parent: Generator, candidate: Generator, feed: float) -> float:
    drawn = [g.sample(conditions(feed), magnification=500, n=4, seed=0) for g in (parent, candidate)]
    return float(np.abs(drawn[0] - drawn[1]).mean())


def test_replay_keeps_other_conditions_as_they_were() -> None:
    parent = with_replay()
    forgetful, mindful = (
        fine_tune(parent, [new_tiles()], steps=30, replay=share, learning_rate=3e-3) for share in (0.0, 0.9)
    )
    replayed = 0.0
    assert moved(parent, mindful, replayed) < 0.5 * moved(parent, forgetful, replayed)
    assert moved(parent, mindful, 2.5) > 0.0


def test_fine_tuning_refuses_nothing_and_odd_sizes() -> None:
    with pytest.raises(UnusableInput, match="at least one measured tile"):
        fine_tune(with_replay(), [])
    odd = dataclasses.replace(new_tiles(), pixels=np.zeros((1, 20, 20), np.float32))
    with pytest.raises(UnusableInput, match=r"\(k, 32, 32\)"):
        fine_tune(with_replay(), [odd])


def test_an_equal_candidate_is_not_promoted() -> None:
    report = gate(generator(), generator(), images=1)
    assert not report.promote
    assert report.candidate_error == report.current_error
    assert report.n_conditions == 3


def test_a_better_candidate_is_promoted_and_a_worse_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        ReferencePoint(conditions=conditions(f), descriptors={"phase_fraction": 0.2 + 0.2 * f})
        for f in (0.5, 1.5)
    ]
    good, bad = generator(version="good"), generator(version="bad")

    def imagined(made: Generator, asked, **_):  # type: ignore[no-untyped-def]
        feeds = np.array([float(c["feed"]) for c in asked])
        return {"phase_fraction": 0.2 + 0.2 * feeds if made.version == "good" else np.full(len(feeds), 0.35)}

    monkeypatch.setattr("models.generator.gate.generated_descriptors", imagined)
    better = gate(good, bad, points)
    assert better.promote
    assert better.n_conditions == 5
    assert "below" in better.reason
    worse = gate(bad, good, points)
    assert not worse.promote
    assert "not below" in worse.reason


def test_an_unmeasurable_candidate_is_not_promoted(monkeypatch: pytest.MonkeyPatch) -> None:
    good, blank = generator(version="good"), generator(version="blank")

    def imagined(made: Generator, asked, **_):  # type: ignore[no-untyped-def]
        return {"phase_fraction": np.full(len(asked), np.nan if made.version == "blank" else 0.4)}

    monkeypatch.setattr("models.generator.gate.generated_descriptors", imagined)
    report = gate(blank, good)
    assert not report.promote
    assert "cannot be measured" in report.reason


def test_a_gate_without_references_is_told() -> None:
    bare = Generator(networks(), record(held_out=0))
    with pytest.raises(UnusableInput, match="held-out conditions"):
        gate(bare, bare)
