"""Experiments until every descriptor is met in hidden simulated labs: this loop beside its alternatives.

Usage: OMP_NUM_THREADS=1 python -m benchmarks.experiments_saved [--labs 20] [--most 12] [--out FOLDER]

Every lab has constants of its own and a target that it can reach; all methods get the same lab, the same
target, nothing measured before, the same noise and the same number of experiments. Met is what the loop calls
met: each interval inside its tolerance. A run that does not get there counts as never. What was run is
kept in ``--out`` and not run again; the plot is drawn there too. A run of the loop takes about five
minutes of a core, one of the others one or two.
"""

import argparse
import csv
import math
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.compared.labs import HiddenLab
from benchmarks.compared.methods import Method, methods
from models.learning.observations import Observation

Run = tuple[float, int, float]
"""Experiments until met (inf: never), fields of view taken, seconds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--labs", type=int, default=20)
    parser.add_argument("--most", type=int, default=12, help="experiments a run may take")
    parser.add_argument("--methods", nargs="+", default=list(methods()), choices=list(methods()))
    parser.add_argument("--out", type=Path, default=Path("runs/experiments"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    log = options.out / "runs.csv"
    done = read(log, options.most)
    # Lab by lab: what is wanted in one is measured once.
    wanted = [(name, lab) for lab in range(options.labs) for name in options.methods]
    for name, lab in tqdm([one for one in wanted if one not in done], unit="run"):
        done[name, lab] = found = campaign(methods()[name], lab, options.most)
        append(log, name, lab, options.most, found)
    by_method: dict[str, list[Run]] = defaultdict(list)
    for (name, lab), run in done.items():
        if name in options.methods and lab < options.labs:
            by_method[name].append(run)
    table(by_method, options.most)
    plot(by_method, options.most, options.out / "experiments.png")


def campaign(method: Method, number: int, most: int) -> Run:
    """One method in one lab until met, at most ``most`` experiments."""
    began, fields = time.perf_counter(), 0
    lab, observations = HiddenLab(number, adaptive=method.adaptive), list[Observation]()
    for count in range(1, most + 1):
        conditions = method.suggest(lab, observations, number)
        look = lab.run(conditions)
        fields += look.fields
        if look.met:
            return count, fields, time.perf_counter() - began
        observations.append(Observation(conditions, look.measured))
    return math.inf, fields, time.perf_counter() - began


def read(log: Path, most: int) -> dict[tuple[str, int], Run]:
    if not log.is_file():
        return {}
    with log.open(newline="") as stream:
        return {
            (row["method"], int(row["lab"])): (
                float(row["experiments"]),
                int(row["fields"]),
                float(row["seconds"]),
            )
            for row in csv.DictReader(stream)
            if int(row["most"]) == most or float(row["experiments"]) <= most
        }


def append(log: Path, name: str, lab: int, most: int, run: Run) -> None:
    new = not log.is_file()
    with log.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(["method", "lab", "most", "experiments", "fields", "seconds"])
        writer.writerow([name, lab, most, run[0], run[1], f"{run[2]:.1f}"])


def table(by_method: dict[str, list[Run]], most: int) -> None:
    width = max(map(len, by_method))
    heads = " ".join(("labs", "converged", " median", " quartiles", " fields", " s/run"))
    print(f"{'method':{width}} {heads}")
    for name, runs in by_method.items():
        needed = np.array([run[0] for run in runs])
        low, median, high = np.quantile(needed, (0.25, 0.5, 0.75), method="inverted_cdf")
        fields, seconds = (np.mean([run[i] for run in runs]) for i in (1, 2))
        quartiles = f"{low:g}–{high:g}"
        share = np.mean(needed <= most)
        columns = f"{len(runs):4} {share:9.0%} {median:7g} {quartiles:>10} {fields:7.0f} {seconds:6.0f}"
        print(f"{name:{width}} {columns}")


def plot(by_method: dict[str, list[Run]], most: int, path: Path) -> None:
    """The share of labs that have converged after so many experiments."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    counts = np.arange(0, most + 1)
    for name, runs in by_method.items():
        needed = np.array([run[0] for run in runs])
        axes.step(counts, [np.mean(needed <= n) for n in counts], where="post", label=f"{name} ({len(runs)})")
    axes.set(xlabel="experiments", ylabel="share of labs where every descriptor is met", ylim=(0, 1.02))
    axes.set_xlim(0, most)
    axes.legend(fontsize=8, frameon=False)
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
