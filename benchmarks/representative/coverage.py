"""How often intervals of the phase fraction hold the truth, and how wide they are for it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.representative.structures import Family, Image, sheets, voronoi
from models.representativity import Representativity, estimate

Case = tuple[str, int]
"""Family and side of the window in px."""


@dataclass
class Tally:
    """Intervals of one kind for one case, against the truth."""

    truth: float
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def add(self, found: Representativity) -> None:
        self.low.append(found.ci[0])
        self.high.append(found.ci[1])

    @property
    def coverage(self) -> float:
        return float(((np.array(self.low) <= self.truth) & (self.truth <= np.array(self.high))).mean())

    @property
    def width(self) -> float:
        return float(np.mean(np.array(self.high) - np.array(self.low)))

    def winkler(self, confidence: float = 0.95) -> float:
        """Mean width plus what misses cost (Winkler, J. Am. Stat. Assoc. 67 (1972) 187); less is better."""
        low, high = np.array(self.low), np.array(self.high)
        missed = np.maximum(low - self.truth, 0) + np.maximum(self.truth - high, 0)
        return float(np.mean(high - low + 2 / (1 - confidence) * missed))


Tallies = dict[Case, dict[str, Tally]]
KINDS = ("calibrated", "calibrated 99 %", "imagerep")


def measure(
    families: Sequence[Family], sides: Sequence[int], draws: int, seed: int, most: int = 3
) -> Tallies:
    """Intervals of ``draws`` structures of each family, in up to ``most`` windows of each of ``sides``."""
    tallies: Tallies = {
        (one.name, side): {kind: Tally(one.fraction) for kind in KINDS} for one in families for side in sides
    }
    with tqdm(total=len(families) * draws, desc="coverage", leave=False) as bar:
        for number, family in enumerate(families):
            rng = np.random.default_rng([seed, number])
            for _ in range(draws):
                for side, window in _windows(family.draw(rng, _torus(family, sides)), sides, most):
                    here = tallies[family.name, side]
                    here["calibrated"].add(estimate(window))
                    here["calibrated 99 %"].add(estimate(window, confidence=0.99))
                    here["imagerep"].add(estimate(window, method="imagerep"))
                bar.update()
    return tallies


def _torus(family: Family, sides: Sequence[int]) -> tuple[int, ...]:
    # Of small factors, for the transforms.
    return (-(-(max(sides) + family.margin) // 32) * 32,) * family.dimensions


def _windows(image: Image, sides: Sequence[int], most: int) -> Iterator[tuple[int, Image]]:
    """Windows of each side, up to ``most`` of each along the diagonal of the largest."""
    for side in sides:
        for start in range(0, min(most, max(sides) // side) * side, side):
            part = image[(slice(start, start + side),) * image.ndim]
            yield side, np.ascontiguousarray(part)


@dataclass(frozen=True)
class StackResult:
    fields: int
    ratio: float
    coverage: dict[str, float]


def stacks(repeats: int, seed: int, side: int = 256) -> list[StackResult]:
    """Coverage for stacks of fields whose fractions differ, by ``ratio`` times the SD within fields."""
    makers: tuple[Callable[[float], Family], ...] = (
        lambda fraction: sheets(fraction, 6),
        lambda fraction: voronoi(fraction, 12),
    )
    shape, middle = (side + 64,) * 2, 0.35
    results = []
    for ratio in (0.0, 1.0, 2.0, 4.0):
        for fields in (3, 5, 10):
            rng = np.random.default_rng([seed, fields, int(ratio)])
            tally = {kind: Tally(middle) for kind in ("calibrated", "imagerep")}
            for maker in makers:
                within = float(np.std([_window(maker(middle), rng, shape, side).mean() for _ in range(30)]))
                for _ in tqdm(range(repeats), desc=f"stacks {ratio:g}, {fields}", leave=False):
                    fractions = rng.normal(middle, ratio * within, fields)
                    stack = [
                        _window(maker(float(np.clip(one, 0.02, 0.98))), rng, shape, side) for one in fractions
                    ]
                    for kind, one in tally.items():
                        one.add(estimate(stack, method=kind))  # type: ignore[arg-type]
            results.append(StackResult(fields, ratio, {kind: one.coverage for kind, one in tally.items()}))
    return results


def _window(family: Family, rng: np.random.Generator, shape: tuple[int, ...], side: int) -> Image:
    return np.ascontiguousarray(family.draw(rng, shape)[:side, :side])


def ratios(tallies: Tallies, side: int) -> tuple[float, float]:
    """Width and Winkler score of the calibrated interval over the published one: mean ratio of families."""
    pairs: list[tuple[float, float]] = []
    for (_, other), here in tallies.items():
        if other == side:
            ours, theirs = here["calibrated"], here["imagerep"]
            pairs.append((ours.width / theirs.width, ours.winkler() / theirs.winkler()))
    means: NDArray[np.float64] = np.exp(np.log(pairs).mean(axis=0))
    return float(means[0]), float(means[1])
