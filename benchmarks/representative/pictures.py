"""Pictures of docs/representativity.md, made by the code they explain."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmarks.representative.coverage import Tallies
from benchmarks.representative.families import PLANE
from benchmarks.representative.structures import Family, level_cut, smooth
from models.representativity import Representativity, estimate

OURS, THEIRS, TRUTH = "#1f6f8b", "#c8553d", "#444444"


def draw_all(folder: Path) -> None:
    """Every picture but the coverage figure, which is measured."""
    folder.mkdir(parents=True, exist_ok=True)
    _windows().savefig(folder / "representativity-windows.png", dpi=110)
    _integral_range().savefig(folder / "representativity-range.png", dpi=110)
    _intervals().savefig(folder / "representativity-intervals.png", dpi=110)


def _windows() -> Figure:
    """Small windows of one structure disagree, large ones agree."""
    family = level_cut("blobs", 0.35, smooth(6))
    image = family.draw(np.random.default_rng(3), (1024, 1024))
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    left.imshow(image, cmap="Greys", interpolation="nearest")
    rng = np.random.default_rng(1)
    for side, colour in ((100, THEIRS), (400, OURS)):
        fractions = []
        for number in range(40):
            y, x = rng.integers(0, 1024 - side, 2)
            fractions.append(image[y : y + side, x : x + side].mean())
            if number < 3:
                left.add_patch(_square(x, y, side, colour))
        right.plot(np.full(40, side), fractions, "o", color=colour, alpha=0.5, ms=5)
        right.annotate(
            f"SD {np.std(fractions):.3f}", (side, max(fractions)), (8, -4), textcoords="offset points"
        )
    right.axhline(family.fraction, color=TRUTH, lw=1)
    right.annotate("the material: 0.35", (240, family.fraction), (0, 4), textcoords="offset points")
    right.set(xlabel="side of the window in px", ylabel="black in the window", xlim=(40, 500))
    left.set(xticks=[], yticks=[], title="One structure, six windows of it")
    right.set_title("What windows of two sizes say of it")
    return figure


def _square(x: int, y: int, side: int, colour: str) -> Rectangle:
    return Rectangle((x, y), side, side, fill=False, ec=colour, lw=2)


def _integral_range() -> Figure:
    """Structures of one fraction and different coarseness, each with its integral range."""
    figure = Figure(figsize=(9.6, 4.3), layout="constrained")
    for axes, length in zip(figure.subplots(1, 3), (3.0, 7.0, 18.0), strict=True):
        image = level_cut("", 0.4, smooth(length)).draw(np.random.default_rng(5), (640, 640))[:512, :512]
        found = estimate(np.ascontiguousarray(image))
        axes.imshow(image, cmap="Greys", interpolation="nearest")
        side = found.integral_range_px
        axes.add_patch(_filled(20, 20, side))
        axes.set(xticks=[], yticks=[])
        axes.set_title(
            f"integral range {side:.0f} px\n{found.effective_samples:.0f} independent samples\n"
            f"{_said(found)}",
            fontsize=10,
        )
    return figure


def _filled(x: float, y: float, side: float) -> Rectangle:
    return Rectangle((x, y), side, side, fc=THEIRS, ec="white", lw=1)


def _said(found: Representativity) -> str:
    return f"{found.phase_fraction:.3f}, 95 %: {found.ci[0]:.3f} – {found.ci[1]:.3f}"


def _intervals() -> Figure:
    """Forty images of one material, each with its interval: about one in twenty misses."""
    family: Family = next(one for one in PLANE if one.name == "Voronoi cells")
    rng = np.random.default_rng(11)
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    axes: Axes = figure.subplots()
    for number in range(40):
        window = np.ascontiguousarray(family.draw(rng, (512, 512))[:400, :400])
        found = estimate(window)
        holds = found.ci[0] <= family.fraction <= found.ci[1]
        axes.plot([number] * 2, found.ci, color=OURS if holds else THEIRS, lw=2)
        axes.plot(number, found.phase_fraction, "o", color=OURS if holds else THEIRS, ms=4)
    axes.axhline(family.fraction, color=TRUTH, lw=1)
    axes.set(xlabel="image of 400 × 400 px", ylabel="phase fraction", xlim=(-1, 40))
    axes.set_title(f"Forty images of a material of {family.fraction:g}, each with its 95 % interval")
    return figure


def coverage_figure(tallies: Tallies, path: Path) -> None:
    """Coverage of 95 % intervals by family and size of window, ours and the published ones."""
    sides = sorted({side for _, side in tallies})
    names = list(dict.fromkeys(name for name, _ in tallies))
    figure = Figure(figsize=(10.5, 5.2), layout="constrained")
    for axes, side in zip(figure.subplots(1, len(sides), sharey=True), sides, strict=True):
        number = len(tallies[names[0], side]["calibrated"].low)
        chance = 2 * np.sqrt(0.95 * 0.05 / number)
        axes.axvspan(0.95 - chance, min(0.95 + chance, 1), color="#dddddd", lw=0)
        axes.axvline(0.95, color=TRUTH, lw=1)
        for kind, colour, marker in (("imagerep", THEIRS, "s"), ("calibrated", OURS, "o")):
            held = [tallies[name, side][kind].coverage for name in names]
            label = "published" if kind == "imagerep" else "calibrated"
            axes.plot(held, range(len(names)), marker, color=colour, label=label)
        axes.set(xlim=(0.6, 1.005), xlabel="share of intervals that hold the truth")
        axes.set_title(f"{side} px, {number} windows each")
        axes.set_yticks(range(len(names)), names)
        axes.grid(axis="y", color="#eeeeee")
    axes.legend(loc="lower left")
    axes.invert_yaxis()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
