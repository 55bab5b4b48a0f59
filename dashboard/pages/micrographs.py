"""Micrographs: what was seen, experiment by experiment; the fields of one, and whether they are enough."""

import math
from asyncio import to_thread

from markupsafe import Markup
from nicegui import ui

from campaigns.ledger import ExperimentRecord, Measurement, Micrograph
from campaigns.specification import View
from dashboard.desk import Desk
from dashboard.pages.field import open_field
from dashboard.parts.frame import Page, page
from dashboard.parts.markup import badge, join, link, quantity, simulated_badge, table, tag
from dashboard.parts.pictures import picture_url, shot, width_um
from dashboard.reading.campaign import IterationView, campaign_view
from models.errors import UnusableInput

EXPERIMENTS = 24
"""Experiments shown at once in the gallery of a campaign."""


def register(desk: Desk) -> None:
    """The gallery of experiments, and the page of one."""

    @page(desk, "/micrographs", "Micrographs", here="micrographs")
    async def micrographs_page(view: Page, campaign: str = "", start: int = 0) -> None:
        records = await to_thread(desk.source.campaigns)
        await view.simulated(lambda: any(one.simulated for one in records))
        view.head("Micrographs")
        if not records:
            ui.html(tag("p", "No campaign has taken any yet.", class_="faint"), sanitize=False).classes(
                "card"
            )
            return
        chosen = campaign if campaign in {one.id for one in records} else records[0].id
        options = [one.id for one in records[:100]]
        ui.select(
            options,
            value=chosen,
            label="Campaign",
            on_change=lambda e: view.go(f"/micrographs?campaign={e.value}"),
        ).props("outlined dense options-dense").style("min-width:260px; max-width:420px; margin-bottom:12px")
        await view.card(lambda: _gallery(view, chosen, max(0, start)))

    @page(desk, "/micrographs/{experiment_id}", "Micrographs", here="micrographs")
    async def experiment_page(view: Page, experiment_id: str) -> None:
        await _experiment(view, experiment_id)


def _gallery(view: Page, campaign_id: str, start: int) -> Markup:
    desk = view.desk
    found = campaign_view(desk.source, campaign_id)
    seen = list(reversed([one for one in found.iterations if one.fields or one.rejected_fields]))
    start = min(start, max(0, len(seen) - 1)) // EXPERIMENTS * EXPERIMENTS
    figures = [_cover(view, one) for one in seen[start : start + EXPERIMENTS]]
    turns = []
    for at, text in (
        (start - EXPERIMENTS, "Later experiments"),
        (start + EXPERIMENTS, "Earlier experiments"),
    ):
        if 0 <= at < len(seen):
            turns.append(link(text, view.url(f"/micrographs?campaign={campaign_id}&start={at}")))
    heading = join(
        (
            tag("h2", f"{len(seen)} experiments of {campaign_id} were imaged"),
            simulated_badge(found.record.simulated),
        ),
        " ",
    )
    body = tag("div", *figures, class_="pictures") if figures else tag("p", "None yet.", class_="faint")
    return join((tag("div", heading, class_="head"), body, tag("div", *turns, class_="actions")))


def _cover(view: Page, one: IterationView) -> Markup:
    """The first field of an experiment."""
    source = view.desk.source

    def read() -> Micrograph | None:
        ledger, _ = source.experiment(one.id)
        return next(iter(ledger.micrographs(one.id, kind="measured")), None)

    first = source.cached(("cover", one.id), read)
    words = tag("figcaption", f"Experiment {one.index} ", badge(one.state), f" {one.fields} fields")
    href = view.url(f"/micrographs/{one.id}")
    if first is None:
        return tag("figure", link("no field that could be measured", href), words)
    picture = shot(
        picture_url(view.prefix, one.id, first, "small"),
        f"Experiment {one.index}, first field",
        width_um(first),
    )
    return tag("figure", link(picture, href), words)


async def _experiment(view: Page, experiment_id: str) -> None:
    source = view.desk.source
    try:
        ledger, first = await to_thread(source.experiment, experiment_id)
    except UnusableInput as error:
        view.head("No such experiment", link("All micrographs", view.url("/micrographs")))
        ui.html(tag("p", str(error)), sanitize=False)
        return
    campaign = first.campaign_id
    await view.simulated(lambda: first.simulated)
    view.head(
        f"Micrographs of {experiment_id}",
        link("Others of the campaign", view.url(f"/micrographs?campaign={campaign}")),
        link("The campaign", view.url(f"/campaigns/{campaign}")),
    )

    def pictures() -> tuple[Micrograph, ...]:
        return source.cached(("micrographs", experiment_id), lambda: ledger.micrographs(experiment_id))

    def measured() -> tuple[Measurement, ...]:
        return source.cached(("measurements", experiment_id), lambda: ledger.measurements(experiment_id))

    found = await to_thread(campaign_view, source, campaign)
    imaging = found.campaign.imaging
    await view.card(lambda: _gauges(view, ledger.experiment(experiment_id), measured(), imaging.target_error))
    for one in imaging.views:
        await view.rebuilt(
            lambda one=one: tuple(p for p in pictures() if p.magnification == one.magnification),  # type: ignore[misc]
            lambda fields, one=one: _view(view, experiment_id, one, fields),  # type: ignore[misc]
        )


def _gauges(
    view: Page, experiment: ExperimentRecord, measured: tuple[Measurement, ...], asked: float
) -> Markup:
    rows = []
    for one in measured:
        interval = one.interval
        half = (interval.high - interval.low) / 2
        share = half / abs(interval.value) if interval.value else math.inf
        share = share if math.isfinite(share) else math.inf
        needed = (
            ""
            if share <= asked
            else f"; {interval.fields_needed} fields needed in all"
            if interval.fields_needed
            else "; more fields needed"
        )
        value = f"{quantity(interval.value, one.unit)} [{quantity(interval.low)}, {quantity(interval.high)}]"
        rows.append(
            (
                one.descriptor,
                value,
                gauge(share, asked),
                f"± {100 * share:.1f} % of ± {100 * asked:g} % asked"
                if math.isfinite(share)
                else f"not known; ± {100 * asked:g} % asked",
                join(
                    (
                        badge("✓ enough", "good") if share <= asked else badge("◆ wide", "warn"),
                        f" {interval.n_fields} fields{needed}",
                    )
                ),
            )
        )
    verdict = {
        True: badge("✓ representative", "good"),
        False: badge("✕ not representative", "bad"),
        None: None,
    }[experiment.representative]
    heading = tag(
        "div", tag("h2", "Are these fields enough?"), verdict, badge(str(experiment.state)), class_="head"
    )
    note = tag(
        "p",
        "A target may be told met or missed before its interval is narrow; then no more fields are taken.",
        class_="faint small",
    )
    headings = ["descriptor", "value and interval", "half width against what is asked", "", "fields"]
    return join(
        (heading, table(headings, rows, empty="Nothing has been measured yet."), note if rows else None)
    )


def gauge(share: float, asked: float) -> Markup:
    """The half width of an interval as a bar, with a mark at what is asked; twice that is the whole scale."""
    width = min(100.0, 50 * share / asked) if asked > 0 else 100.0
    tone = "var(--good)" if share <= asked else "var(--warn)"
    bar = tag("i", style=f"position:absolute;left:0;top:1px;height:6px;width:{width:.0f}%;background:{tone}")
    mark = tag("i", style="left:50%")
    return tag(
        "span",
        bar,
        mark,
        class_="track",
        role="img",
        aria_label=f"{100 * share:.1f} % of {100 * asked:g} %",
        style="min-width:160px",
    )


def _view(view: Page, experiment_id: str, one: View, pictures: tuple[Micrograph, ...]) -> None:
    """All fields at one magnification: measured ones, rejected ones, and what was predicted."""
    if not pictures:
        return
    with ui.element("div").classes("card"):
        for kind, noun in (("measured", "fields"), ("rejected", "fields"), ("predicted", "micrographs")):
            of_kind = [p for p in pictures if p.kind == kind]
            if not of_kind:
                continue
            ui.html(
                tag(
                    "h2",
                    f"{one.magnification:g}×, {kind}: {len(of_kind)} {noun}",
                ),
                sanitize=False,
            )
            with (
                ui.element("div")
                .classes("pictures" + (" few" if kind == "predicted" else ""))
                .style("margin-bottom:12px")
            ):
                for micrograph in of_kind:
                    _thumb(view, experiment_id, one, micrograph)


def _thumb(view: Page, experiment_id: str, one: View, micrograph: Micrograph) -> None:
    name = f"{micrograph.kind} field {micrograph.field} at {micrograph.magnification:g}×"
    source = picture_url(view.prefix, experiment_id, micrograph, "small")
    shown = join((shot(source, name, width_um(micrograph)), tag("figcaption", f"field {micrograph.field}")))
    element = ui.html(shown, sanitize=False, tag="button")
    element.props(f'type="button" aria-label="Open {name}"').classes("thumb")
    element.on("click", lambda: open_field(view, experiment_id, one, micrograph, name))
