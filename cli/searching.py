"""Pictures of a search: its course, where the swarm looked, and what it found beside the target."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.units import with_unit
from models.values import Target

if TYPE_CHECKING:
    from models.inverse import InverseResult

ACCENT, SWARM, BAND = "#c1440e", "viridis_r", "#9db4c0"


def draw_search(
    result: "InverseResult", targets: Sequence[Target], units: Mapping[str, str], folder: Path
) -> None:
    """Write ``search.png`` and ``evaluations.csv`` of a swarm's search into ``folder``."""
    import matplotlib.figure

    folder.mkdir(parents=True, exist_ok=True)
    _write_table(result, folder / "evaluations.csv")
    pairs = [targets[i : i + 2] for i in range(0, len(targets), 2)]
    columns = 2 + len(pairs)
    figure = matplotlib.figure.Figure(figsize=(4.2 * columns, 3.6), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    _course(axes[0], result)
    _plane(axes[1], result, units)
    for ax, pair in zip(axes[2:], pairs, strict=True):
        _descriptors(ax, result, pair, units)
    figure.savefig(folder / "search.png", dpi=110)


def _course(ax: Any, result: "InverseResult") -> None:
    steps = range(1, len(result.iterations) + 1)
    ax.plot(steps, [one.best for one in result.iterations], "-", color=ACCENT, label="best")
    ax.plot(steps, [one.median for one in result.iterations], "-", color="#6b7780", label="median")
    near = f"within 1 % of it from {result.converged_at}"
    ax.axvline(result.converged_at, color=ACCENT, lw=0.8, ls=":", label=near)
    ax.set(yscale="log", xlabel="iteration", ylabel="objective", title="Objective and diversity")
    spread = ax.twinx()
    spread.plot(steps, [one.diversity for one in result.iterations], "--", color="#2f6690", lw=1)
    spread.set_ylabel("diversity of the swarm (dashed)")
    spread.set_ylim(bottom=0)
    ax.legend(frameon=False, fontsize=8)


def _plane(ax: Any, result: "InverseResult", units: Mapping[str, str]) -> None:
    """The two numeric parameters that the search spread over most, relative to their own size."""
    best = result.best.conditions
    names = [name for name, value in best.items() if not isinstance(value, str)]

    def spread(name: str) -> float:
        values = [float(one.conditions[name]) for one in result.evaluated]
        return (max(values) - min(values)) / (abs(float(best[name])) or 1.0)

    x, y = (sorted(names, key=spread, reverse=True) + names)[:2]
    _swarm(ax, result, [(float(o.conditions[x]), float(o.conditions[y])) for o in result.evaluated])
    points = [(float(one.conditions[x]), float(one.conditions[y])) for one in result.candidates]
    _candidates(ax, points)
    ax.set(
        xlabel=with_unit(x, units.get(x, "")),
        ylabel=with_unit(y, units.get(y, "")),
        title="Where the swarm looked",
    )


def _descriptors(ax: Any, result: "InverseResult", pair: Sequence[Target], units: Mapping[str, str]) -> None:
    first, second = pair[0], pair[-1]

    def place(predicted: Mapping[str, Any]) -> tuple[float, float]:
        return predicted[first.descriptor].mean, predicted[second.descriptor].mean

    _swarm(ax, result, [place(one.predicted) for one in result.evaluated])
    for target, span in ((first, ax.axvspan), (second, ax.axhspan)):
        low, high = target.low - target.tolerance, target.high + target.tolerance
        values = [one.predicted[target.descriptor].mean for one in result.evaluated]
        finite = [value for value in values if math.isfinite(value)] or [target.low, target.high]
        span(
            low if math.isfinite(low) else min(finite),
            high if math.isfinite(high) else max(finite),
            color=BAND, alpha=0.3, lw=0,
        )  # fmt: skip
    _candidates(ax, [place(one.predicted) for one in result.candidates])
    ax.set(
        xlabel=with_unit(first.descriptor, units.get(first.descriptor, "")),
        ylabel=with_unit(second.descriptor, units.get(second.descriptor, "")),
        title="Target (bands) and predictions",
    )


def _swarm(ax: Any, result: "InverseResult", points: Sequence[tuple[float, float]]) -> None:
    shown = ax.scatter(
        *zip(*points, strict=True), c=[one.iteration for one in result.evaluated], cmap=SWARM, s=9, alpha=0.7
    )
    ax.figure.colorbar(shown, ax=ax, label="iteration", shrink=0.8)


def _candidates(ax: Any, points: Sequence[tuple[float, float]]) -> None:
    ax.margins(0.12)  # room for the numbers
    for number, (x, y) in enumerate(points, start=1):
        ax.plot(x, y, "o", ms=11, mfc="none", mec=ACCENT, mew=1.6)
        # Candidates often lie close together: their numbers go to different sides.
        right, up = number % 2 == 1, number % 4 in (1, 2)
        ax.annotate(
            f"#{number}",
            (x, y),
            xytext=(6 if right else -6, 5 if up else -5),
            textcoords="offset points",
            ha="left" if right else "right",
            va="bottom" if up else "top",
            color=ACCENT,
        )


def _write_table(result: "InverseResult", path: Path) -> None:
    conditions, descriptors = list(result.best.conditions), list(result.best.predicted)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        spread = [column for name in descriptors for column in (name, f"{name}_sd")]
        writer.writerow(["iteration", "objective", *conditions, *spread])
        for one in result.evaluated:
            values = [v for n in descriptors for v in (one.predicted[n].mean, one.predicted[n].sd)]
            writer.writerow([one.iteration, one.objective, *(one.conditions[n] for n in conditions), *values])
