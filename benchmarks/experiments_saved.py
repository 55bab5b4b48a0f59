"""Experiments until every descriptor is met in hidden simulated labs: this loop beside its alternatives.

Usage: OMP_NUM_THREADS=1 python -m benchmarks.experiments_saved [--labs 20] [--most 12] [--out FOLDER]

Every lab has constants of its own and a target that it can reach; all methods get the same lab, the same
target, nothing measured before, the same noise and the same number of experiments. Met is what the loop calls
met: each interval inside its tolerance. A run that does not get there counts as never. What was run is
kept in ``--out`` (``runs.csv``, and ``experiments.csv`` with what was expected and measured each time) and
not run again; the plot is drawn there too. The second table says by how much what was measured differed from
what the method had predicted there: in the first experiment, which nothing measured in that lab has corrected
yet, and in the last. A run of the loop takes about three minutes of a core, one of the others one or two.
"""

import argparse
import csv
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.compared.asked import Asked
from benchmarks.compared.labs import HiddenLab
from benchmarks.compared.methods import Method, methods
from models.learning.observations import Observation

Run = tuple[float, int, float]
"""Experiments until met (inf: never), fields of view taken, seconds."""
Row = tuple[int, str, float, float, float]
"""Experiment (from 1), descriptor, its target, as predicted, as measured."""

LOG = ("method", "lab", "most", "experiments", "fields", "seconds")
TRAIL = ("method", "lab", "most", "experiment", "descriptor", "wanted", "predicted", "measured")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--labs", type=int, default=20)
    parser.add_argument("--most", type=int, default=12, help="experiments a run may take")
    parser.add_argument("--methods", nargs="+", default=list(methods()), choices=list(methods()))
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/experiments"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    log, trail = options.out / "runs.csv", options.out / "experiments.csv"
    done = read(log, options.most)
    # Lab by lab: what is wanted in one is measured once.
    wanted = [(name, lab) for lab in range(options.labs) for name in options.methods]
    for name, lab in tqdm([one for one in wanted if one not in done], unit="run"):
        done[name, lab], rows = campaign(methods()[name], lab, options.most)
        number, fields, seconds = done[name, lab]
        append(trail, TRAIL, [(name, lab, options.most, *row) for row in rows])
        append(log, LOG, [(name, lab, options.most, number, fields, f"{seconds:.1f}")])
    by_method: dict[str, list[Run]] = defaultdict(list)
    for (name, lab), run in done.items():
        if name in options.methods and lab < options.labs:
            by_method[name].append(run)
    table(by_method, options.most)
    foreseen(trail, options.methods, options.most)
    plot(by_method, options.most, options.out / "experiments.png")
    both = [lab for lab in range(options.labs) if ("loop", lab) in done and ("BoTorch", lab) in done]
    if both and {"loop", "BoTorch"} <= set(options.methods):
        ours, theirs = ([done[name, lab][0] for lab in both] for name in ("loop", "BoTorch"))
        # A run that never got there took one experiment more than it might, at the least.
        median = min(float(np.median(theirs)), options.most + 1)
        asked = Asked("experiments_saved")
        asked.least("converged, this loop", float(np.isfinite(ours).mean()), 0.9)
        asked.least("median experiments, BoTorch over this loop", median / float(np.median(ours)), 3.0)
        asked.end()


def campaign(method: Method, number: int, most: int) -> tuple[Run, list[Row]]:
    """One method in one lab until met, at most ``most`` experiments."""
    began, fields, rows = time.perf_counter(), 0, list[Row]()
    lab, observations = HiddenLab(number, adaptive=method.adaptive), list[Observation]()
    wanted = {target.descriptor: target.high for target in lab.targets}
    for count in range(1, most + 1):
        proposal = method.suggest(lab, observations, number)
        look = lab.run(proposal.conditions)
        fields += look.fields
        for name, one in proposal.expected.items():
            if name in wanted and name in look.measured and math.isfinite(one.mean):
                rows.append((count, name, wanted[name], one.mean, look.measured[name].value))
        if look.met:
            return (count, fields, time.perf_counter() - began), rows
        observations.append(Observation(proposal.conditions, look.measured))
    return (math.inf, fields, time.perf_counter() - began), rows


def read(log: Path, most: int) -> dict[tuple[str, int], Run]:
    if not log.is_file():
        return {}
    with log.open(newline="") as stream:
        # A run that was allowed more and did not get there in so many did not get there; its fields and
        # seconds are those of all that it took.
        return {
            (row["method"], int(row["lab"])): (
                needed if (needed := float(row["experiments"])) <= most else math.inf,
                int(row["fields"]),
                float(row["seconds"]),
            )
            for row in csv.DictReader(stream)
            if int(row["most"]) >= most or float(row["experiments"]) <= most
        }


def append(file: Path, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    new = not file.is_file()
    with file.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(heads)
        writer.writerows(rows)


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


def foreseen(trail: Path, names: Sequence[str], most: int) -> None:
    """Median and 90th percentile over labs of |predicted / measured - 1|, first and last experiment."""
    if not trail.is_file():
        return
    apart: dict[tuple[str, str], dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    with trail.open(newline="") as stream:
        for row in csv.DictReader(stream):
            measured, predicted = float(row["measured"]), float(row["predicted"])
            if row["method"] in names and int(row["most"]) == most and np.isfinite(predicted / measured):
                one = (int(row["experiment"]), abs(predicted / measured - 1.0))
                apart[row["method"], row["descriptor"]][row["lab"]].append(one)
    for (name, descriptor), labs in apart.items():
        ends = np.array([[min(runs)[1], max(runs)[1]] for runs in labs.values()])
        first, last = (
            f"{np.median(column):5.1%} (90 %: {np.quantile(column, 0.9):.1%})" for column in ends.T
        )
        print(f"{name}: {descriptor:16} off by {first} in the first experiment, {last} in the last")


def plot(by_method: dict[str, list[Run]], most: int, path: Path) -> None:
    """The share of labs that have converged after so many experiments."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    counts = np.arange(0, most + 2)  # one more, so that the last experiment's step is seen
    for name, runs in by_method.items():
        needed = np.array([run[0] for run in runs])
        axes.step(
            counts,
            [np.mean(needed <= min(n, most)) for n in counts],
            where="post",
            label=f"{name} ({len(runs)})",
        )
    axes.set(xlabel="experiments", ylabel="share of labs where every descriptor is met", ylim=(0, 1.02))
    axes.set_xlim(0, most + 0.5)
    axes.legend(fontsize=8, frameon=False)
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
