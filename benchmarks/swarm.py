"""The particle swarm beside others with as many evaluations: pyswarms' own loop, and differential evolution.

Usage: OMP_NUM_THREADS=1 python -m benchmarks.swarm [--seeds 25] [--generator 0] [--out PNG]

Standard functions in four dimensions (as many as the shipped campaign searches) and ten, 40 particles × 50
steps, as in the literature that the loop follows: median and upper quartile over seeds of the best value
found, the optimum being 0 at a place that is not the centre. ``--generator N`` adds N targets within the
space of the shipped campaign: the objective reached through the shipped generator (minutes of a core each).
The functions: Jamil & Yang, Int. J. Math. Model. Numer. Optim. 2013, 4, 150.
"""

import argparse
import dataclasses
import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import differential_evolution
from scipy.stats import qmc

from benchmarks.compared.asked import Asked
from benchmarks.compared.labs import campaign
from benchmarks.compared.methods import generator
from models.inverse import Objective, UnitCube
from models.inverse.space import Key
from models.inverse.swarm import ParticleSwarm

Array = NDArray[np.float64]
Cost = Callable[[Array], Array]
"""Points (n, d) of the unit cube → costs (n,)."""
PARTICLES, STEPS = 40, 50


def sphere(x: Array) -> Array:
    return np.asarray((x**2).sum(1))


def rosenbrock(x: Array) -> Array:
    x = x + 1.0
    return np.asarray((100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1))


def rastrigin(x: Array) -> Array:
    return np.asarray((x**2 - 10 * np.cos(2 * np.pi * x) + 10).sum(1))


def ackley(x: Array) -> Array:
    root, waves = np.sqrt((x**2).mean(1)), np.cos(2 * np.pi * x).mean(1)
    return np.asarray(20 + np.e - 20 * np.exp(-0.2 * root) - np.exp(waves))


def griewank(x: Array) -> Array:
    order = np.sqrt(np.arange(1, x.shape[1] + 1))
    return np.asarray((x**2).sum(1) / 4000 - np.cos(x / order).prod(1) + 1)


FUNCTIONS = ((sphere, 5.12), (rosenbrock, 2.048), (rastrigin, 5.12), (ackley, 32.0), (griewank, 600.0))
"""With half of the width that is searched."""


def on_cube(function: Callable[[Array], Array], half: float) -> Cost:
    # Off the centre, where averaging operators would find it for nothing.
    return lambda u: function(2 * half * (u - 0.62))


def ours(cost: Cost, dimension: int, seed: int) -> float:
    start = qmc.Sobol(dimension, seed=seed).random(64)[:PARTICLES]
    swarm = ParticleSwarm(start, seed)
    for _ in range(STEPS):
        swarm.tell(cost(swarm.ask()))
    return swarm.best_cost


def pyswarms_loop(cost: Cost, dimension: int, seed: int) -> float:
    # Otherwise it writes report.log here, and a line for each run.
    os.environ["LOG_CFG"] = str(files("models.inverse") / "unchanged-logging.yaml")
    from pyswarms.single import GlobalBestPSO

    np.random.seed(seed)  # noqa: NPY002  (what pyswarms draws from)
    bounds = (np.zeros(dimension), np.ones(dimension))
    options = {"w": 0.7298, "c1": 1.49618, "c2": 1.49618}
    swarm = GlobalBestPSO(PARTICLES, dimension, options, bounds=bounds)
    best, _ = swarm.optimize(cost, STEPS, verbose=False)
    return float(best)


def evolution(cost: Cost, dimension: int, seed: int) -> float:
    found = differential_evolution(
        lambda x: cost(np.atleast_2d(x.T)),
        [(0.0, 1.0)] * dimension,
        popsize=PARTICLES // dimension,
        maxiter=STEPS - 1,
        init="sobol",
        tol=0.0,
        polish=False,
        vectorized=True,
        updating="deferred",
        rng=seed,
    )
    return float(found.fun)


METHODS = {"swarm": ours, "pyswarms' loop": pyswarms_loop, "differential evolution": evolution}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=25)
    parser.add_argument(
        "--generator", type=int, default=0, help="targets through the generator (default: none)"
    )
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/swarm-values.png"))
    options = parser.parse_args()
    print(f"{'function':16} " + " ".join(f"{name:>26}" for name in METHODS))
    rows: dict[str, list[Array]] = {}
    for dimension in (4, 10):
        for function, half in FUNCTIONS:
            cost = on_cube(function, half)
            rows[f"{function.__name__} {dimension}-D"] = [
                np.array([method(cost, dimension, seed) for seed in range(options.seeds)])
                for method in METHODS.values()
            ]
            show(*list(rows.items())[-1])
    for number in range(options.generator):
        cost, dimension = through_generator(number)
        rows[f"generator, {number}"] = [np.array([m(cost, dimension, number)]) for m in METHODS.values()]
        show(*list(rows.items())[-1])
    plot(rows, options.out)
    asked = Asked("swarm")
    for name, (own, theirs, _) in rows.items():
        better = float(np.median(theirs)) / max(float(np.median(own)), 1e-12)
        asked.least(f"{name}: pyswarms' own loop over this swarm", better, 1.0)
    asked.end()


def show(name: str, found: list[Array]) -> None:
    quartiles = (np.quantile(values, (0.5, 0.75)) for values in found)
    print(f"{name:16} " + " ".join(f"{m:14.3g} ({q:9.3g})" for m, q in quartiles), flush=True)


def through_generator(number: int) -> tuple[Cost, int]:
    """The objective of what the generator itself predicts at hidden conditions, so that 0 can be reached."""
    space, predictor = campaign().space(), generator()
    cube = UnitCube(space)
    (hidden,) = predictor.predict([cube.decode(cube.sample(1, 500 + number)[0])])
    targets = [
        dataclasses.replace(
            target, kind="value", low=hidden[target.descriptor].mean, high=hidden[target.descriptor].mean
        )
        for target in campaign().targets()
    ]
    objective = Objective(targets)
    known: dict[Key, float] = {}

    def cost(points: Array) -> Array:
        # Parameters have steps, so points meet again, and the same conditions give the same images.
        conditions = [cube.decode(point) for point in points]
        keys = [cube.key(one) for one in conditions]
        fresh = {k: one for k, one in zip(keys, conditions, strict=True) if k not in known}
        predicted = predictor.predict(list(fresh.values()))
        known.update((k, objective.score(p).mismatch) for k, p in zip(fresh, predicted, strict=True))
        return np.array([known[key] for key in keys])

    return cost, cube.dimension


def plot(rows: dict[str, list[Array]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    for shift, (index, name) in zip((-0.2, 0.0, 0.2), enumerate(METHODS), strict=True):
        medians = [max(float(np.median(found[index])), 1e-12) for found in rows.values()]
        axes.plot(np.arange(len(rows)) + shift, medians, "o^s"[index], label=name)
    axes.set_yscale("log")
    axes.set_xticks(range(len(rows)), list(rows), rotation=30, ha="right")
    axes.set_ylabel(f"best value, median ({PARTICLES * STEPS:,} evaluations)")
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
