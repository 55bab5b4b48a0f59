"""The generator on conditions that nothing was fitted to, beside the simulator against itself.

Usage: OMP_NUM_THREADS=1 python -m benchmarks.held_out [--conditions 48] [--images 16] [--only "pH 10.5"]

Conditions come from a design of their own, and as many again at pH 10.5, which no training condition has.
At each, the reference plant makes two batches, and as many tiles of each as the generator draws are measured
by the same code. Told are R² (with a bootstrap interval over conditions) and the mean relative error of the
generator's calibrated descriptors against the first batch, and the ceiling: the second batch against the
first. About six minutes of an idle core.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.compared.asked import Asked
from models.generator import Generator, load
from models.generator.describe import describe
from models.generator.evaluation import generated_descriptors, r_squared
from models.generator.registry import locate
from models.values import Conditions
from sim.dataset import SCAN, VIEWS, design, tiles
from sim.lmr import LMRPlant
from sim.plant import pixel_size_um

DESIGN_SEED, PLANT_SEED, NOISE_SEED = 4711, 1, 20_001
"""The design of the training data has seed 1; the reference plant is the one that it came from."""
UNSEEN_PH = 10.5
WANTED_R2 = {"texture_mean": 0.95, "d50_um": 0.90, "sphericity_mean": 0.70, "sphericity_sd": 0.50}
"""Asked."""
Values = dict[str, NDArray[np.float64]]


def simulated(many: Sequence[Conditions], images: int, first_batch: int) -> Values:
    """Descriptors (C,) by name of ``images`` tiles at each magnification of one batch per condition."""
    plant = LMRPlant(PLANT_SEED, hidden=False)
    found: dict[str, list[float]] = {}
    for number, conditions in enumerate(tqdm(many, desc="simulating", unit="batch")):
        powder = plant.synthesise(dict(conditions), batch=first_batch + number)
        for view in VIEWS:
            pixel, made = pixel_size_um(view.magnification, SCAN), []
            for field in range((images + 1) // 2):
                shot = plant.render(powder, magnification=view.magnification, field=field, scan=SCAN)
                made += list(tiles(shot.pixels, pixel, view))
            stack = np.stack(made[:images]).astype(np.float32) / 255.0
            side = view.tile_um / stack.shape[-1]
            for name, value in describe(stack, side, view.descriptors).items():
                found.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in found.items()}


def predicted(generator: Generator, many: Sequence[Conditions], images: int) -> Values:
    """Calibrated descriptors (C,) by name."""
    drawn = generated_descriptors(generator, many, n=images, seed=NOISE_SEED)
    return {name: generator.calibrated(name, values, many) for name, values in drawn.items()}


def agreement(values: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """R², its 95 % interval over conditions, and the mean relative error."""
    known = np.isfinite(values) & np.isfinite(truth)
    values, truth = values[known], truth[known]
    return *r_squared(values - truth, truth), float(np.mean(np.abs(values / truth - 1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--conditions", type=int, default=48)
    parser.add_argument("--images", type=int, default=16, help="a condition and magnification")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/held-out-values.png"))
    parser.add_argument("--only", choices=("fresh conditions", "pH 10.5"), help="one of the two sets")
    options = parser.parse_args()
    generator = load(locate(None))
    fresh = [row for row in design(2 * options.conditions, DESIGN_SEED) if row["pH"] != UNSEEN_PH]
    fresh = fresh[: options.conditions]
    sets = {"fresh conditions": fresh, "pH 10.5": [{**row, "pH": UNSEEN_PH} for row in fresh]}
    points: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    asked = Asked("held_out")
    for place, (name, many) in enumerate(sets.items()):
        if options.only not in (None, name):
            continue  # not left out before: what a set is does not depend on the other
        # Batches that the training data do not have, which count from 0.
        truth = simulated(many, options.images, 100_000 * (1 + 2 * place))
        again = simulated(many, options.images, 100_000 * (2 + 2 * place))
        drawn = predicted(generator, many, options.images)
        print(f"\n{name}: {len(many)}, {options.images} images each, {generator.version}")
        print(f"{'descriptor':16} {'R²':>6} {'95 %':>14} {'error':>7} {'ceiling: R²':>12} {'error':>7}")
        for descriptor, values in drawn.items():
            r2, low, high, error = agreement(values, truth[descriptor])
            best, _, _, least = agreement(again[descriptor], truth[descriptor])
            print(
                f"{descriptor:16} {r2:6.2f} {low:6.2f} to {high:4.2f} {error:7.1%} {best:12.2f} {least:7.1%}",
                flush=True,
            )
            if name == "pH 10.5" and descriptor in WANTED_R2:
                floor = 0.6 if descriptor == "sphericity_sd" else 1.0
                asked.most(f"{name}: mean error of {descriptor}", 100 * error, 10.0, "%", floor)
            elif descriptor in WANTED_R2:
                asked.least(f"{name}: R² of {descriptor}", r2, WANTED_R2[descriptor])
            points.setdefault(descriptor, []).append((truth[descriptor], values))
    plot(points, [name for name in sets if options.only in (None, name)], options.out)
    asked.end()


def plot(
    points: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]], names: list[str], path: Path
) -> None:
    """Predicted against simulated, one panel for each of the descriptors that campaigns aim for."""
    from matplotlib.figure import Figure

    shown = ("d50_um", "sphericity_mean", "sphericity_sd", "texture_mean")
    figure = Figure(figsize=(11, 3), layout="constrained")
    for axes, descriptor in zip(figure.subplots(1, len(shown)), shown, strict=True):
        for (truth, values), marker, name in zip(points[descriptor], "o^", names, strict=False):
            axes.plot(truth, values, marker, ms=4, alpha=0.7, label=name)
        ends = np.nanquantile(np.concatenate([t for t, _ in points[descriptor]]), (0, 1))
        axes.plot(ends, ends, "k-", lw=0.8)
        axes.set(xlabel=f"{descriptor}, simulated", ylabel="predicted")
    axes.legend(frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
