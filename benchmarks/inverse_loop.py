"""Experiments that the loop needs until every descriptor is within 5 % of its target, on made-up worlds.

``python -m benchmarks.inverse_loop [WORLDS]`` prints a table (30 worlds: about 10 min on one core). A world
has smooth random responses of four descriptors; its generator is wrong by a smooth random bias and its
measurements by noise; it may also scatter from conditions to conditions, as one that shows few particles
does. The peer is the same loop without the residual model: the generator's own best, next
best, … proposals, as an open loop would try them.
"""

import argparse
import dataclasses
import math
import time
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from benchmarks.compared.asked import Asked
from models.inverse import METHODS, SuggestSettings, UnitCube, optimise, policy_for
from models.learning.observations import Observation
from models.values import Conditions, Estimate, Parameter, Space, Target

NAMES = ("size", "roundness", "scatter", "texture")
TYPICAL = np.array([8.0, 0.9, 0.05, 0.5])
FOUR = (
    Parameter("pH", "", 9.8, 11.0, 0.05),
    Parameter("naoh_factor", "", 0.08, 0.25, 0.01),
    Parameter("nh4oh_factor", "", 0.09, 0.29, 0.01),
    Parameter("time_min", "min", 30, 720, 10),
)
SETTINGS = SuggestSettings(particles=20, iterations=20)


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    parameters: tuple[Parameter, ...] = FOUR
    bias: float = 0.15
    noise: float = 0.02
    most: int = 8
    scatter: float = 0.0
    smooth: bool = False
    kind: str = "loop"


class World:
    """``predict`` is what its generator says, ``measure`` what an experiment finds."""

    version, images_generated = "made up", 0
    own_error: Mapping[str, float] = MappingProxyType({})

    def __init__(self, case: Case, seed: int) -> None:
        self.case, self.space = case, Space(case.parameters)
        self.cube = UnitCube(self.space)
        self._random = random = np.random.default_rng(seed)
        d = self.cube.dimension
        slope = random.normal(size=(4, d))
        self._slope = 1.5 * slope / np.linalg.norm(slope, axis=1, keepdims=True)
        self._waves = 1.2 * random.normal(size=(2, 4, 6, d)), random.uniform(0, 2 * np.pi, (2, 4, 6))
        self._offset = random.uniform(-0.6, 0.6, 4)
        wanted = self.truth(self.cube.decode(random.uniform(0.1, 0.9, size=d)))
        self.targets = [
            Target(name, "value", v, v, 1.0, 0.05 * v, 0.05 * v)
            for name, v in zip(NAMES, map(float, wanted), strict=True)
        ]

    def _wave(self, which: int, u: np.ndarray) -> np.ndarray:
        vectors, phases = self._waves
        return np.cos(np.einsum("kjd,d->kj", vectors[which], u) + phases[which]).sum(1) / 6

    def truth(self, conditions: Conditions) -> np.ndarray:
        u = self.cube.encode(conditions)
        return TYPICAL * np.exp(0.35 * (self._slope @ (u - 0.5) + self._wave(0, u)))

    def predict(self, many: list[Conditions]) -> list[dict[str, Estimate]]:
        biases = [self._offset + 1.2 * self._wave(1, self.cube.encode(c)) for c in many]
        return [
            estimates(self.truth(c) * np.exp(self.case.bias * np.clip(bias, -1, 1) + self._scatter(c)))
            for c, bias in zip(many, biases, strict=True)
        ]

    def _scatter(self, conditions: Conditions) -> np.ndarray:
        """The same for the same conditions, as with common random numbers."""
        if not self.case.scatter:
            return np.zeros(4)
        seed = np.round(1000 * self.cube.encode(conditions)).astype(int)
        return self.case.scatter * np.random.default_rng(np.abs(seed)).normal(size=4)

    def manifold_distance(self, conditions: Conditions) -> float:
        return 0.0

    def measure(self, conditions: Conditions) -> Observation:
        noise = np.exp(self.case.noise * self._random.normal(size=4))
        return Observation(conditions, estimates(self.truth(conditions) * noise, self.case.noise))

    def met(self, conditions: Conditions) -> bool:
        wanted = np.array([target.low for target in self.targets])
        return bool(np.abs(self.truth(conditions) / wanted - 1).max() <= 0.05)


def estimates(values: np.ndarray, relative: float = 0.02) -> dict[str, Estimate]:
    return {name: Estimate(float(v), relative * float(v)) for name, v in zip(NAMES, values, strict=True)}


def experiments(case: Case, seed: int) -> float:
    world, observations = World(case, seed), []
    positive = dict.fromkeys(NAMES, True)
    for number in range(1, case.most + 1):
        if case.kind == "open":
            tried = [one.conditions for one in observations]
            found = optimise(
                world, world.space, world.targets, particles=20, iterations=20, avoid=tried, known=tried
            )
        else:
            policy = policy_for(
                case.kind if case.kind in METHODS else "pso",
                world if case.kind == "loop" else None,
                world.space,
                world.targets,
                settings=dataclasses.replace(SETTINGS, smooth=case.smooth),
                seed=seed,
                positive=positive,
            )
            for one in observations:
                policy.ingest(one)
            found = policy.suggest(1000 * seed + number if case.kind == "random" else seed)
        if world.met(found.best.conditions):
            return number
        observations.append(world.measure(found.best.conditions))
    return math.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("worlds", type=int, nargs="?", default=30)
    worlds = parser.parse_args().worlds
    five = (*FOUR, Parameter("atmosphere", "", categories=("N2", "O2")))
    cases = (
        Case("generator ±15 %"),
        Case("generator ±15 %, and atmosphere", parameters=five),
        Case("generator ±15 %, noise 4 %", noise=0.04),
        Case("generator ±30 %", bias=0.30),
        Case("generator ±15 %, scatter 8 %", scatter=0.08),
        Case("  the same, smoothed", scatter=0.08, smooth=True),
        Case("generator ±15 %, open loop", kind="open"),
        Case("no generator", kind="none", most=20),
        Case("no generator, BoTorch", kind="bayesian", most=20),
        Case("Sobol design", kind="sobol", most=20),
        Case("random", kind="random", most=20),
    )
    print(f"{'case':34} {'≤ 6':>6} {'≤ 8':>6} {'median':>7} {'worst':>6} {'s/world':>8}   ({worlds} worlds)")
    asked, medians = Asked("inverse_loop"), dict[str, float]()
    for case in cases:
        began = time.perf_counter()
        needed = np.array([experiments(case, seed) for seed in range(worlds)])
        took = (time.perf_counter() - began) / worlds
        shares = [f"{np.mean(needed <= n):6.0%}" for n in (6, 8)]
        print(
            f"{case.name:34} {' '.join(shares)} {np.median(needed):7g} {needed.max():6g} {took:8.1f}",
            flush=True,
        )
        medians[case.name] = float(np.median(needed))
        if case.kind == "loop" and case.bias <= 0.15:
            asked.least(f"{case.name}: met within 8 experiments", float(np.mean(needed <= 8)), 0.9)
    alone = min(medians["no generator, BoTorch"], 21.0)
    asked.least("median, BoTorch over the loop", alone / medians["generator ±15 %"], 3.0)
    asked.end()


if __name__ == "__main__":
    main()
