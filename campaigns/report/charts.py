"""The report's charts, as inline SVG that takes its colours from the page (light or dark)."""

import io
import re
from collections.abc import Sequence
from typing import Any

from campaigns.report.contents import Contents, ExperimentView, Wanted

# Stand-ins that are replaced by the page's own colours, so that one drawing reads well on both backgrounds.
INK, FAINT, BAND, PREDICTED, MEASURED, GOOD = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
_ROLES = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    BAND: "var(--band)",
    PREDICTED: "var(--predicted)",
    MEASURED: "var(--measured)",
    GOOD: "var(--good)",
}


def descriptor_chart(target: Wanted, experiments: Sequence[ExperimentView]) -> str:
    """Target band, predictions (± 2 SD) and measurements (interval) of one descriptor over the iterations."""
    figure, axes = _axes(4.6, 2.7)
    compared = [(e.index, e.comparisons.get(target.descriptor)) for e in experiments]
    finite = [
        value
        for _, c in compared
        if c is not None
        for value in (c.predicted, c.measured, c.low, c.high)
        if value is not None
    ]
    _band(axes, target, finite)
    for index, comparison in compared:
        if comparison is None:
            continue
        if comparison.predicted is not None:
            spread = 2 * (comparison.predicted_sd or 0.0)
            axes.errorbar(
                index - 0.12, comparison.predicted, yerr=spread, fmt="o", ms=5, color=PREDICTED,
                markerfacecolor="none", elinewidth=1, capsize=2,
            )  # fmt: skip
        if comparison.measured is not None:
            low = comparison.low if comparison.low is not None else comparison.measured
            high = comparison.high if comparison.high is not None else comparison.measured
            error = [[max(0.0, comparison.measured - low)], [max(0.0, high - comparison.measured)]]
            axes.errorbar(
                index + 0.12, comparison.measured, yerr=error, fmt="s", ms=5, color=MEASURED,
                elinewidth=1.6, capsize=3,
            )  # fmt: skip
    _whole_steps(axes, experiments)
    axes.set_ylabel(f"{target.descriptor} ({target.unit})" if target.unit else target.descriptor)
    return _svg(figure, f"{target.descriptor}: target, predicted and measured by experiment")


def convergence_chart(contents: Contents) -> str:
    """The worst miss of each experiment, in tolerances; at or below 1 all are within tolerance."""
    figure, axes = _axes(9.4, 2.6)
    points = [
        (e.index, worst) for e in contents.experiments if (worst := worst_miss(contents, e)) is not None
    ]
    axes.axhspan(0, 1, color=GOOD, alpha=0.18, lw=0)
    axes.axhline(1, color=GOOD, lw=1)
    if points:
        axes.plot(*zip(*points, strict=True), "-s", color=MEASURED, lw=1.6, ms=5)
        best, running = [], float("inf")
        for index, value in points:
            running = min(running, value)
            best.append((index, running))
        axes.step(*zip(*best, strict=True), where="post", color=FAINT, lw=1, ls="--")
    axes.set_ylim(bottom=0)
    _whole_steps(axes, contents.experiments)
    axes.set_ylabel("worst miss (tolerances)")
    return _svg(figure, "Worst miss by experiment, in tolerances")


def worst_miss(contents: Contents, experiment: ExperimentView) -> float | None:
    """The largest miss over all targets, in tolerances; None before every target has been measured."""
    misses = []
    for target in contents.targets:
        comparison = experiment.comparisons.get(target.descriptor)
        if comparison is None or comparison.measured is None:
            return None
        misses.append(target.misses_by(comparison.measured))
    return max(misses, default=None)


def _band(axes: Any, target: Wanted, finite: Sequence[float]) -> None:
    edges = [edge for edge in (target.low, target.high) if edge is not None]
    values = [*finite, *edges]
    span = max(values) - min(values) if values else 1.0
    margin = max(0.15 * span, 1.5 * target.tolerance, 1e-9)
    bottom, top = min(values, default=0.0) - margin, max(values, default=1.0) + margin
    low = target.low - target.tolerance if target.low is not None else bottom
    high = target.high + target.tolerance if target.high is not None else top
    axes.axhspan(low, high, color=BAND, alpha=0.22, lw=0)
    for edge in edges:
        axes.axhline(edge, color=BAND, lw=1, ls="--")
    axes.set_ylim(bottom, top)


def _axes(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=8)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.yaxis.label.set_fontsize(9)
    axes.xaxis.label.set_fontsize(9)
    axes.set_xlabel("experiment")
    return figure, axes


def _whole_steps(axes: Any, experiments: Sequence[ExperimentView]) -> None:
    last = max((e.index for e in experiments), default=1)
    axes.set_xlim(0.5, max(last, 3) + 0.5)
    axes.set_xticks(range(1, max(last, 3) + 1))


def _svg(figure: Any, label: str) -> str:
    import matplotlib

    buffer = io.StringIO()
    # Text stays text (selectable, small); a fixed salt keeps the same drawing the same byte for byte.
    with matplotlib.rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": "morpholoop", "font.family": "sans-serif"}
    ):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for stand_in, role in _ROLES.items():
        text = text.replace(stand_in, role)
    text = re.sub(
        r'<svg [^>]*?viewBox="([^"]+)"[^>]*>',
        rf'<svg viewBox="\1" role="img" aria-label="{label}">',
        text,
        count=1,
    )
    text = text.replace(
        "xlink:href", "href"
    )  # the prefix would need its namespace; HTML's SVG has plain href
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
