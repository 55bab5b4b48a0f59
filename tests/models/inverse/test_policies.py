"""Every policy through the same protocol, against the made-up world of the proposals' tests."""

import math
import sys

import numpy as np
import pytest

from models.errors import UnusableInput
from models.inverse import METHODS, policy_for
from models.learning.corrected import REACH
from models.learning.observations import Observation
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


@pytest.mark.parametrize("method", ["pso", "sobol"])
def test_what_is_under_way_is_not_proposed_again_nor_counted_as_measured(method):
    world = World(1)
    chosen, under_way = policy(method, world), []
    for number in range(3):
        found = chosen.suggest(number).best
        assert all(CUBE.distance(found.conditions, other) > 0.05 for other in under_way)
        chosen.ingest(Observation(found.conditions, found.predicted if method == "pso" else {}, pending=True))
        under_way.append(found.conditions)


def test_a_batch_without_generator_begins_with_the_design():
    world = World(1)
    chosen = policy("pso", None)
    for number in range(6):
        found = chosen.suggest(number)
        assert found.policy == "design"
        chosen.ingest(Observation(found.best.conditions, {}, pending=True))
    chosen = policy("pso", None)
    for number in range(4):
        chosen.ingest(world.measure(chosen.suggest(number).best.conditions))
    assert chosen.suggest(4).policy == "swarm"


def test_a_pending_experiment_moves_the_next_proposal_and_its_own_result_takes_its_place():
    world = World(1)
    observations = [world.measure(policy("pso", world).suggest(0).best.conditions)]

    def proposals(more):
        chosen = policy("pso", world)
        for one in [*observations, *more]:
            chosen.ingest(one)
        return chosen.suggest(5).best

    second = proposals([])
    third = proposals([Observation(second.conditions, second.predicted, pending=True)])
    assert third.conditions != second.conditions
    # Believed to hit, it is not the best that was measured, so the search still hopes for more.
    assert math.isfinite(third.objective)
