"""Figures beside what is asked of them: the table and the picture that a benchmark ends in."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

FOLDER = Path("build/benchmarks")
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
WIDEST = 100.0
"""Margins are drawn up to this."""


@dataclass(frozen=True)
class Figure:
    """What was measured, and the limit for it.

    ``margin`` is a ratio, 1 at the limit and more on its good side. A benchmark fails where it is below
    ``floor``: 1, or less for a figure that is known to fall short.
    """

    what: str
    value: float
    limit: float
    unit: str
    least: bool
    floor: float

    @property
    def margin(self) -> float:
        above, below = (self.value, self.limit) if self.least else (self.limit, self.value)
        return math.inf if not below and above >= 0 else above / below

    @property
    def state(self) -> str:
        if self.margin >= 1:
            return "met"
        return "short" if self.margin >= self.floor else "short of the floor"

    @property
    def asked(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.limit:.4g} {self.unit}".rstrip()


@dataclass
class Asked:
    """Collects the figures of the benchmark ``name``."""

    name: str
    figures: list[Figure] = field(default_factory=list)

    def most(self, what: str, value: float, limit: float, unit: str = "", floor: float = 1.0) -> None:
        """``value`` is to be no more than ``limit``."""
        self.figures.append(Figure(what, float(value), limit, unit, least=False, floor=floor))

    def least(self, what: str, value: float, limit: float, unit: str = "", floor: float = 1.0) -> None:
        """``value`` is to be no less than ``limit``."""
        self.figures.append(Figure(what, float(value), limit, unit, least=True, floor=floor))

    def end(self) -> NoReturn:
        """Print the table, draw it, and end with status 1 where a margin is below its floor."""
        width = max((len(one.what) for one in self.figures), default=0)
        print(f"\n{'asked of it':<{width}} {'measured':>14} {'asked':>14} {'margin':>7}")
        for one in self.figures:
            value = f"{one.value:.4g} {one.unit}".rstrip()
            margin = f"{one.margin:.2f}" if one.margin < WIDEST else f"> {WIDEST:g}"
            print(f"{one.what:<{width}} {value:>14} {one.asked:>14} {margin:>7}  {one.state}")
        print(f"drawn: {self._draw(FOLDER / f'{self.name}.png')}", flush=True)
        raise SystemExit(int(any(one.margin < one.floor or math.isnan(one.margin) for one in self.figures)))

    def _draw(self, path: Path) -> Path:
        from matplotlib.figure import Figure as Canvas

        canvas = Canvas(figsize=(8, 0.9 + 0.34 * len(self.figures)), layout="constrained")
        axes = canvas.subplots()
        for row, one in enumerate(self.figures):
            length = min(max(one.margin, 1 / WIDEST), WIDEST)
            good = one.margin >= 1
            axes.barh(
                row, length - 1, left=1, color="#0072B2" if good else "#D55E00", hatch="" if good else "///"
            )
            text = f" {one.value:.3g} {one.unit}".rstrip() + f" ({one.asked})"
            axes.text(max(length, 1.0), row, text, va="center", fontsize=8)
        axes.axvline(1, color="black", lw=1)
        axes.set_xscale("log")
        axes.set_xticks(TICKS, [f"{one:g}" for one in TICKS])
        axes.minorticks_off()
        ends = [min(max(one.margin, 1 / WIDEST), WIDEST) for one in self.figures]
        axes.set_xlim(min([0.5, *(0.8 * end for end in ends)]), 6 * max([2.0, *ends]))
        axes.set_yticks(range(len(self.figures)), [one.what for one in self.figures], fontsize=8)
        axes.invert_yaxis()
        axes.set_xlabel("times as good as asked (hatched: short)")
        axes.set_title(f"python -m benchmarks.{self.name}", fontsize=9)
        path.parent.mkdir(parents=True, exist_ok=True)
        canvas.savefig(path, dpi=130)
        return path
