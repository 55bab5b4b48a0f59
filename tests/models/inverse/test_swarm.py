import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.inverse.swarm import ParticleSwarm

OPTIMUM = np.array([0.31, 0.74, 0.5])


def bowl(points):
    return ((points - OPTIMUM) ** 2).sum(axis=1)


def run(swarm, steps):
    for _ in range(steps):
        swarm.tell(bowl(swarm.ask()))


def started(seed=1):
    return ParticleSwarm(np.random.default_rng(seed).uniform(size=(20, 3)), seed)


def test_it_finds_the_minimum_inside_the_cube():
    swarm = started()
    run(swarm, 60)
    assert np.abs(swarm.best_position - OPTIMUM).max() < 1e-3
    assert swarm.best_cost < 1e-6
    assert ((swarm.ask() >= 0) & (swarm.ask() <= 1)).all()


def test_personal_bests_are_kept_between_steps():
    swarm = started()
    lowest = np.full(20, np.inf)
    for _ in range(10):
        costs = bowl(swarm.ask())
        lowest = np.minimum(lowest, costs)
        swarm.tell(costs)
        assert np.allclose(swarm.state().best_cost, lowest)


def test_the_global_random_state_is_left_as_found():
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.uniform(size=3)  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    run(started(), 3)
    assert np.array_equal(np.random.uniform(size=3), expected)  # noqa: NPY002


def test_the_seed_and_not_the_global_state_decides():
    first, second, other = started(), started(), ParticleSwarm(started().ask(), 2)
    run(first, 5)
    np.random.seed(99)  # noqa: NPY002
    run(second, 5)
    run(other, 5)
    assert np.array_equal(first.ask(), second.ask())
    assert not np.array_equal(first.ask(), other.ask())


def test_a_restored_swarm_goes_on_identically():
    swarm = started()
    run(swarm, 4)
    restored = ParticleSwarm.restore(swarm.state())
    run(swarm, 4)
    run(restored, 4)
    assert np.array_equal(swarm.ask(), restored.ask())
    assert swarm.best_cost == restored.best_cost


def test_asking_twice_does_not_move_it():
    swarm = started()
    run(swarm, 1)
    assert np.array_equal(swarm.ask(), swarm.ask())


def test_unusable_costs_count_as_infinite():
    swarm = started()
    swarm.tell(np.full(20, np.nan))
    assert swarm.best_cost == np.inf
    run(swarm, 30)
    assert swarm.best_cost < 1e-2


@pytest.mark.slow
def test_importing_it_touches_neither_logging_nor_the_folder(tmp_path: Path):
    code = (
        "import logging, models.inverse.swarm as s, numpy as np; s.ParticleSwarm(np.zeros((2, 2)), 0);"
        "print(len(logging.getLogger().handlers), logging.getLogger().level)"
    )
    root = str(Path(__file__).parents[3])
    out = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.split() == ["0", str(logging.WARNING)]
    assert list(tmp_path.iterdir()) == []
    assert "LOG_CFG" not in os.environ
