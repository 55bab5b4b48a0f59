"""The experiments of a campaign, predicted beside measured."""

from collections.abc import Callable

from markupsafe import Markup
from nicegui import ui

from campaigns.report.contents import Wanted
from dashboard.parts.frame import Page
from dashboard.parts.markup import (
    NOTHING,
    badge,
    join,
    link,
    quantity,
    setting,
    table,
    tag,
    with_interval,
)
from dashboard.reading.campaign import CampaignView, IterationView

LATEST = 25
"""Experiments that the table shows before it is asked for all."""


async def experiments_card(view: Page, read: Callable[[], CampaignView]) -> None:
    """The latest experiments, and all of them on request."""
    all_shown = {"all": False}

    def shown() -> Markup:
        return _table(view, read(), None if all_shown["all"] else LATEST)

    with ui.element("div").classes("card"):
        ui.html(tag("h2", "Experiments"), sanitize=False)
        await view.markup(shown)
        if len(read().iterations) > LATEST:

            async def show_all() -> None:
                all_shown["all"] = True
                button.delete()
                await view.look(everything=True)

            with ui.element("div").classes("actions"):
                button = ui.button(f"Show all {len(read().iterations)}", on_click=show_all).props("outline")


def _table(view: Page, found: CampaignView, most: int | None) -> Markup:
    searched = [p for p in found.campaign.parameters if not p.fixed]
    newest = tuple(reversed(found.iterations))[:most]
    rows = [
        (
            link(one.index, view.url(f"/micrographs/{one.id}")),
            badge(one.state),
            *(setting(one.conditions.get(p.name, NOTHING)) for p in searched),
            *(_predicted_measured(one, target) for target in found.targets),
            f"{one.fields}" + (f" (+{one.rejected_fields} rejected)" if one.rejected_fields else ""),
            {True: "✓ yes", False: "✕ no", None: NOTHING}[one.representative],
            one.model,
            tag("td", one.reason, class_="wide"),
        )
        for one in newest
    ]
    units = {p.name: p.unit for p in searched}
    headings = [
        "#",
        "state",
        *(_named(name, unit) for name, unit in units.items()),
        *(_named(target.descriptor, target.unit) for target in found.targets),
        "fields",
        "representative",
        "model",
        "remark",
    ]
    first = 2 + len(searched)
    return table(headings, rows, numbers=range(2, first), empty="No experiment has been proposed yet.")


def _named(name: str, unit: str) -> Markup:
    # It may break after each underscore, so that columns get no wider than their numbers.
    return join(
        (
            join(name.split("_"), Markup("_<wbr>")),
            tag("span", f" ({unit})", class_="faint") if unit not in ("", NOTHING) else None,
        )
    )


def _predicted_measured(one: IterationView, target: Wanted) -> Markup:
    guess, found = one.predicted.get(target.descriptor), one.measured.get(target.descriptor)
    said = f"{quantity(guess.mean)} ± {quantity(guess.sd)}" if guess is not None else NOTHING
    if found is None:
        return tag("td", tag("span", "predicted ", said, class_="faint"))
    outcome = one.outcomes.get(target.descriptor)
    return tag(
        "td",
        with_interval(found.value, *found.ci),
        " ",
        badge(outcome) if outcome else None,
        tag("br"),
        tag("span", "predicted ", said, class_="faint small"),
    )
