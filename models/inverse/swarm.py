"""Particle swarm in ask/tell form on ``pyswarms.backend``: personal bests kept, global RNG left alone."""

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@contextmanager
def _logging_unchanged() -> Iterator[None]:
    """pyswarms reconfigures the root logger and opens ``report.log`` in the current folder whenever one of
    its Reporters is made, at import too, unless ``LOG_CFG`` names a configuration; ours changes nothing.
    """
    before = os.environ.get("LOG_CFG")
    os.environ["LOG_CFG"] = str(Path(__file__).with_name("unchanged-logging.yaml"))
    try:
        yield
    finally:
        if before is None:
            del os.environ["LOG_CFG"]
        else:
            os.environ["LOG_CFG"] = before


with _logging_unchanged():
    from pyswarms.backend import compute_pbest
    from pyswarms.backend.handlers import BoundaryHandler, VelocityHandler
    from pyswarms.backend.swarms import Swarm
    from pyswarms.backend.topology import Star

# Clerc & Kennedy's constriction coefficients (IEEE Trans. Evol. Comput. 2002, 6, 58): converges without a
# clamp on the velocity having to be tuned; the clamp only keeps the first steps inside the cube.
_OPTIONS = {"w": 0.7298, "c1": 1.49618, "c2": 1.49618}
_CLAMP = (-0.3, 0.3)


@dataclass(frozen=True)
class SwarmState:
    """All that a swarm is between two steps; :meth:`ParticleSwarm.restore` goes on from it identically."""

    position: Array
    velocity: Array
    best_position: Array
    best_cost: Array
    swarm_best_position: Array
    swarm_best_cost: float
    random: dict[str, Any]


class ParticleSwarm:
    """Global-best particle swarm in the unit cube: :meth:`ask` for positions, :meth:`tell` their costs.

    ``start``: first positions (particles, dimension) in [0, 1]. Source: [C] §PSO (40 particles, ≤ 50
    steps); the operators are those of pyswarms 1.3 with the star topology. Its operators draw from numpy's
    global generator: each step seeds it from a generator of the swarm's own and puts the global state back
    as it was.
    """

    def __init__(self, start: Array, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        with _logging_unchanged():
            self._topology = Star()
            self._bounds_handler = BoundaryHandler(strategy="nearest")
            self._velocity_handler = VelocityHandler(strategy="unmodified")
        n, dimension = start.shape
        self._bounds = (np.zeros(dimension), np.ones(dimension))
        self._swarm = Swarm(
            position=np.clip(start, 0.0, 1.0),
            velocity=self._random.uniform(-0.1, 0.1, size=(n, dimension)),
            options=dict(_OPTIONS),
            pbest_cost=np.full(n, np.inf),
        )
        self._told = False

    def ask(self) -> Array:
        """Positions (particles, dimension) to evaluate; after a :meth:`tell` the swarm moves first."""
        swarm = self._swarm
        if self._told:
            with self._own_random_numbers():
                swarm.velocity = self._topology.compute_velocity(
                    swarm, clamp=_CLAMP, vh=self._velocity_handler, bounds=self._bounds
                )
                swarm.position = self._topology.compute_position(
                    swarm, bounds=self._bounds, bh=self._bounds_handler
                )
            self._told = False
        return np.array(swarm.position)

    def tell(self, costs: Array, positions: Array | None = None) -> None:
        """Costs (particles,) of the positions asked last; ``positions`` if they were moved since.

        A cost that is not a number counts as infinite.
        """
        swarm = self._swarm
        if positions is not None:
            swarm.position = np.array(positions)
        swarm.current_cost = np.where(np.isfinite(costs), costs, np.inf)
        swarm.pbest_pos, swarm.pbest_cost = compute_pbest(swarm)
        if np.isfinite(swarm.pbest_cost).any():
            swarm.best_pos, swarm.best_cost = self._topology.compute_gbest(swarm)
        else:
            swarm.best_pos = np.array(swarm.position[0])
        self._told = True

    @property
    def best_cost(self) -> float:
        """Lowest cost told so far (infinite before the first)."""
        return float(self._swarm.best_cost)

    @property
    def best_position(self) -> Array:
        """Where it was found, (dimension,)."""
        return np.array(self._swarm.best_pos)

    def state(self) -> SwarmState:
        """A copy of everything that the next step depends on; to be taken after a :meth:`tell`."""
        swarm = self._swarm
        return SwarmState(
            position=np.array(swarm.position),
            velocity=np.array(swarm.velocity),
            best_position=np.array(swarm.pbest_pos),
            best_cost=np.array(swarm.pbest_cost),
            swarm_best_position=np.array(swarm.best_pos),
            swarm_best_cost=float(swarm.best_cost),
            random=copy.deepcopy(dict(self._random.bit_generator.state)),
        )

    @classmethod
    def restore(cls, state: SwarmState) -> "ParticleSwarm":
        """The swarm whose :meth:`state` this is."""
        restored = cls(state.position, seed=0)
        swarm = restored._swarm
        swarm.velocity = np.array(state.velocity)
        swarm.pbest_pos, swarm.pbest_cost = np.array(state.best_position), np.array(state.best_cost)
        swarm.best_pos, swarm.best_cost = np.array(state.swarm_best_position), state.swarm_best_cost
        restored._random.bit_generator.state = copy.deepcopy(state.random)
        restored._told = True
        return restored

    @contextmanager
    def _own_random_numbers(self) -> Iterator[None]:
        before = np.random.get_state()  # noqa: NPY002  (the very state that has to be put back)
        np.random.seed(int(self._random.integers(2**32)))  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002
