"""Every policy through the same protocol, against the made-up world of the proposals' tests."""

import sys

import numpy as np
import pytest

from models.errors import UnusableInput
from models.inverse import METHODS, policy_for
from models.learning.corrected import REACH
from tests.models.inverse.test_proposing import CUBE, NAMES, POSITIVE, QUICK, SPACE, World, targets_of


def policy(method, world, targets=None, seed=0):
    targets = targets or targets_of(World(1))
    return policy_for(method, world, SPACE, targets, settings=QUICK, seed=seed, positive=POSITIVE)


@pytest.mark.parametrize(
    "method", [pytest.param(m, marks=pytest.mark.slow if m == "bayesian" else ()) for m in METHODS]
)
def test_suggestions_are_feasible_new_and_repeatable(method):
    world = World(1)
    one, other = policy(method, world), policy(method, world)
    tried = []
    for number in range(6 if method == "bayesian" else 3):
        found = one.suggest(number).best.conditions
        assert other.suggest(number).best.conditions == found
        assert CUBE.key(CUBE.decode(CUBE.encode(found))) == CUBE.key(found)
        assert found not in tried
        tried.append(found)
        measured = world.measure(found)
        one.ingest(measured)
        other.ingest(measured)


def test_the_design_is_one_sequence_whatever_the_seed_of_the_experiment():
    world = World(1)
    steady, varying = policy("sobol", world), policy("sobol", world)
    for number in range(3):
        found = steady.suggest(0).best.conditions
        assert varying.suggest(17 * number).best.conditions == found
        for each in (steady, varying):
            each.ingest(world.measure(found))


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_bayesian_comes_closer_than_a_design():
    def closest(method, seed):
        world = World(seed)
        targets = targets_of(world)
        chosen, misses = policy(method, world, targets, seed), []
        wanted = np.array([target.low for target in targets])
        for number in range(8):
            found = chosen.suggest(number).best
            chosen.ingest(world.measure(found.conditions))
            misses.append(np.abs(world.truth(found.conditions) / wanted - 1).max())
            if found.predicted[NAMES[0]].mean > 0 and method == "bayesian":
                assert set(found.predicted) >= set(NAMES)
                # What was measured vouches for its surroundings alone.
                assert found.manifold_distance == found.nearest_known / REACH > 0
                assert found.in_manifold is (found.manifold_distance <= 1)
        return min(misses)

    better = [closest("bayesian", seed) < closest("sobol", seed) for seed in range(3)]
    assert sum(better) >= 2


def test_without_botorch_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "botorch", None)
    world = World(1)
    chosen = policy("bayesian", world)
    for number in range(4):
        chosen.ingest(world.measure(chosen.suggest(number).best.conditions))
    with pytest.raises(UnusableInput, match="extra `bayesian`"):
        chosen.suggest(4)


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(UnusableInput, match="pso, bayesian, sobol, random"):
        policy("annealing", World(1))
