"""The conditions of a proposal: beside bounds, limits, and the experiments before."""

from markupsafe import Markup

from campaigns.specification.parameters import ParameterSpec
from dashboard.parts.markup import (
    NOTHING,
    join,
    setting,
    table,
    tag,
)
from dashboard.reading.proposal import Earlier, ProposalView


def conditions(found: ProposalView) -> Markup:
    """A table of all conditions, those that are searched first."""
    parameters = sorted(found.campaign.parameters, key=lambda one: one.fixed)
    before = [f"#{one.index}" for one in found.earlier]
    rows = [
        _condition(found, one, found.earlier) for one in parameters if one.name in found.experiment.conditions
    ]
    foot = (
        [
            (
                "",
                tag("span", "worst miss (tolerances)", class_="faint"),
                "",
                "",
                "",
                *(f"{one.worst:.2g}" if one.worst is not None else NOTHING for one in found.earlier),
            )
        ]
        if found.earlier
        else []
    )
    headings = ["condition", "proposed", "searched", "lab's limits", "where in the limits", *before]
    note = (
        tag(
            "p",
            "Columns at the right: the experiments before it. ○ marks them in the limits too.",
            class_="faint small",
        )
        if found.earlier
        else None
    )
    return join(
        (
            tag("h2", "Conditions"),
            table(headings, [*rows, *foot], numbers=(1, *range(5, 5 + len(before)))),
            note,
        )
    )


def _condition(
    found: ProposalView, parameter: ParameterSpec, earlier: tuple[Earlier, ...]
) -> tuple[object, ...]:
    value, unit = found.experiment.conditions[parameter.name], parameter.unit
    limit = found.limits.get(parameter.name)
    searched = "fixed"
    if not parameter.fixed:
        searched = (
            f"{setting(parameter.bounds[0])} to {setting(parameter.bounds[1])}"
            if parameter.bounds
            else ", ".join(parameter.categories or ())
        )
    allowed = NOTHING
    if limit is not None:
        allowed = (
            ", ".join(limit.choices) if limit.choices else f"{setting(limit.low)} to {setting(limit.high)}"
        )
    shown = tag("b", setting(value, unit)) if not parameter.fixed else setting(value, unit)
    marks = (
        _track(value, limit.low, limit.high, [one.conditions.get(parameter.name) for one in earlier])
        if limit is not None and not limit.choices
        else ""
    )
    return (
        parameter.name,
        shown,
        searched,
        allowed,
        marks,
        *(setting(one.conditions.get(parameter.name, NOTHING)) for one in earlier),
    )


def _track(value: object, low: float, high: float, before: list[object]) -> Markup:
    def share(x: object) -> float | None:
        return min(1.0, max(0.0, (x - low) / ((high - low) or 1.0))) if isinstance(x, int | float) else None

    dots = [tag("b", style=f"left:{100 * at:.1f}%") for x in before if (at := share(x)) is not None]
    here = share(value)
    mark = tag("i", style=f"left:calc({100 * here:.1f}% - 1px)") if here is not None else None
    return tag(
        "span",
        *dots,
        mark,
        class_="track",
        role="img",
        aria_label=f"{100 * here:.0f} % of the way" if here is not None else None,
    )
