"""What a report shows, as values: gathered from the ledger, read by the charts and the page."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wanted:
    """One target as the reader sees it: its band in the descriptor's unit (an open side is None)."""

    descriptor: str
    unit: str
    meaning: str
    text: str
    low: float | None
    high: float | None
    tolerance: float

    def misses_by(self, value: float) -> float:
        """How far a value lies outside the wanted band, in tolerances (≤ 1 counts as met)."""
        below = max(0.0, self.low - value) if self.low is not None else 0.0
        above = max(0.0, value - self.high) if self.high is not None else 0.0
        return max(below, above) / self.tolerance if self.tolerance > 0 else max(below, above)


@dataclass(frozen=True)
class Comparison:
    """Predicted (mean, SD) beside measured (value, interval) of one descriptor; None where there is none."""

    predicted: float | None = None
    predicted_sd: float | None = None
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    discrepancy: float | None = None
    verdict: str = ""


@dataclass(frozen=True)
class Picture:
    """An image inside the page: a data URI and what it shows."""

    uri: str
    caption: str
    kind: str


@dataclass(frozen=True)
class PictureRow:
    """Predicted and measured pictures of one magnification, side by side."""

    title: str
    predicted: tuple[Picture, ...]
    measured: tuple[Picture, ...]


@dataclass(frozen=True)
class Step:
    """One move of an experiment in its history."""

    at: str
    state: str
    author: str
    reason: str
    seconds: float | None = None


@dataclass(frozen=True)
class ExperimentView:
    """One iteration: what was tried, what was expected, what came."""

    index: int
    state: str
    conditions: tuple[tuple[str, str], ...]
    comparisons: dict[str, Comparison]
    fields: int
    representative: bool | None
    model: str
    dispatch_key: str
    reactor_starts: int
    pictures: tuple[PictureRow, ...] = ()
    history: tuple[Step, ...] = ()


@dataclass(frozen=True)
class ModelView:
    """One model version and what the gate said of it."""

    version: str
    parent: str
    decision: str
    metrics: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Contents:
    """Everything that the page shows."""

    name: str
    title: str
    status: str
    reason: str
    simulated: bool
    targets: tuple[Wanted, ...]
    experiments: tuple[ExperimentView, ...]
    models: tuple[ModelView, ...] = ()
    timings: tuple[tuple[str, float], ...] = ()
    provenance: tuple[tuple[str, str], ...] = ()
    figures: tuple[tuple[str, str], ...] = field(default=())
    """Headline figures: label and text."""
