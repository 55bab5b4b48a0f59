"""One campaign: target, experiments predicted and measured, convergence, budget, timeline, controls."""

from asyncio import to_thread
from collections.abc import Callable, Mapping
from functools import partial

from fastapi import Response
from markupsafe import Markup
from nicegui import ui

from campaigns.ledger import CampaignState, HistoryRecord
from campaigns.report.contents import Wanted
from dashboard.desk import Desk
from dashboard.pages.campaign_controls import controls
from dashboard.pages.campaign_experiments import experiments_card
from dashboard.parts.charts import Options, convergence_chart, descriptor_chart
from dashboard.parts.frame import Page, page
from dashboard.parts.markup import (
    NOTHING,
    badge,
    duration,
    facts,
    join,
    link,
    moment,
    setting,
    tag,
)
from dashboard.reading.campaign import CampaignView, campaign_view, history

TIMELINE = 200


def register(desk: Desk) -> None:
    """The page of a campaign."""

    @page(desk, "/campaigns/{campaign_id}", "Campaign", here="campaigns")
    async def campaign_page(view: Page, campaign_id: str) -> Response | None:
        def read() -> CampaignView:
            return campaign_view(desk.source, campaign_id)

        def shared(part: str, render: Callable[[], Markup]) -> Markup:
            """Drawn once however many look."""
            key = (part, view.prefix, campaign_id)
            return desk.source.cached(key, render, campaign=campaign_id)

        if campaign_id not in {one.id for one in await to_thread(desk.source.campaigns)}:
            view.head("No such campaign", link("All campaigns", view.url("/campaigns")))
            return None
        first = await to_thread(read)
        await view.simulated(lambda: first.record.simulated)
        view.head(first.record.id, link("All campaigns", view.url("/campaigns")))
        await view.rebuilt(lambda: read().record.status, partial(controls, view, campaign_id))
        await view.card(lambda: shared("summary", lambda: _summary(read())))
        with ui.element("div").classes("columns"):
            for target in first.targets:
                with ui.element("div").classes("card half"):
                    ui.html(_chart_heading(target), sanitize=False)
                    await _chart(view, partial(_descriptor, read, target), "chart")
        with ui.element("div").classes("card").style("margin-top:14px"):
            ui.html(tag("h2", "Convergence"), sanitize=False)
            await _chart(view, lambda: convergence_chart(read().iterations), "chart wide")
        await experiments_card(view, read)
        with ui.element("div").classes("columns"):
            await view.card(
                lambda: shared("timeline", lambda: _timeline(view, history(desk.source, campaign_id))),
                "two-thirds",
            )
            await view.card(lambda: _provenance(read()), "third")
        return None


def _descriptor(read: Callable[[], CampaignView], target: Wanted) -> Options:
    return descriptor_chart(target, read().iterations)


async def _chart(view: Page, read: Callable[[], Options], class_: str) -> None:
    chart = ui.echart(await to_thread(read), renderer="svg").classes(class_)

    def changed(options: Options) -> None:
        chart.options.clear()
        chart.options.update(options)
        chart.update()

    await view.watched(read, changed)


def _chart_heading(target: Wanted) -> Markup:
    unit = f" {target.unit}" if target.unit else ""
    key = tag(
        "p",
        tag("span", tag("i"), "predicted ± 2 SD"),
        tag("span", tag("i", class_="measured"), "measured, with interval"),
        tag("span", tag("i", class_="band"), "accepted"),
        class_="key",
    )
    return join(
        (
            tag("h2", f"{target.descriptor}: wanted {target.text}{unit}"),
            tag("p", target.meaning, class_="faint small"),
            key,
        )
    )


def _summary(view: CampaignView) -> Markup:
    record, budget = view.record, view.campaign.budget
    running = [
        one for one in view.iterations if one.state not in ("learned", "rejected", "failed", "aborted")
    ]
    now = (
        ", ".join(f"experiment {one.index} is {one.state}" for one in running)
        if record.status is CampaignState.RUNNING
        else ""
    )
    misses = [one.worst for one in view.iterations if one.worst is not None]
    tiles = [
        (_of(view.experiments_done, budget.experiments), "experiments of the budget"),
        (_of(view.fields, budget.fields), "fields of view"),
        (
            f"{record.virtual_hours:.1f} h" + (f" of {budget.lab_hours:g} h" if budget.lab_hours else ""),
            "lab time" + (" (virtual)" if record.simulated else ""),
        ),
        (duration(record.seconds), "computing time"),
        (f"{min(misses):.2g}" if misses else NOTHING, "best miss, in tolerances (≤ 1 meets)"),
    ]
    share = min(1.0, view.experiments_done / budget.experiments)
    return join(
        (
            tag(
                "p",
                badge(str(record.status)),
                " ",
                record.reason if record.status is not CampaignState.RUNNING else "",
                tag("span", now, class_="faint"),
            ),
            tag("p", view.campaign.description, class_="faint"),
            tag(
                "div",
                *(tag("div", tag("b", value), tag("span", name), class_="tile") for value, name in tiles),
                class_="tiles",
            ),
            tag(
                "div",
                tag("i", style=f"width:{100 * share:.0f}%"),
                class_="progress",
                style="margin-top:10px",
                role="progressbar",
                aria_valuenow=view.experiments_done,
                aria_valuemin=0,
                aria_valuemax=budget.experiments,
                aria_label="experiments of the budget",
            ),
        )
    )


def _of(done: int, most: int | None) -> str:
    return f"{done} of {most}" if most else str(done)


def _timeline(view: Page, moves: tuple[HistoryRecord, ...]) -> Markup:
    items = [
        tag(
            "li",
            moment(one.at),
            _what(view, one),
            " ",
            tag("span", f"by {one.author}", class_="faint"),
            f": {one.reason}" if one.reason else "",
        )
        for one in reversed(moves[-TIMELINE:])
    ]
    more = (
        tag("p", f"The first {len(moves) - TIMELINE} moves are on the page Audit.", class_="faint")
        if len(moves) > TIMELINE
        else None
    )
    return join((tag("h2", "Timeline"), tag("ul", *items, class_="timeline", tabindex="0"), more))


def _what(view: Page, one: HistoryRecord) -> Markup:
    subject: object = "campaign"
    if one.experiment_id is not None:
        number = one.experiment_id.rsplit("-", 1)[-1].lstrip("0")
        subject = link(f"experiment {number}", view.url(f"/micrographs/{one.experiment_id}"))
    return join((subject, " ", badge(one.to_state)))


def _provenance(view: CampaignView) -> Markup:
    record, campaign = view.record, view.campaign
    fixed: Mapping[str, str] = {
        p.name: setting(p.value, p.unit) for p in campaign.parameters if p.value is not None
    }
    return join(
        (
            tag("h2", "Set-up"),
            facts(
                [
                    ("lab", record.lab.rsplit("/", 1)[-1] + (" (simulated)" if record.simulated else "")),
                    ("seed", record.seed),
                    ("approval", campaign.approval.policy.replace("_", " ")),
                    ("confidence", f"{campaign.imaging.confidence:.0%}"),
                    ("asked error", f"± {campaign.imaging.target_error:.0%}"),
                    *((name, text) for name, text in fixed.items()),
                    ("started (UTC)", moment(record.created_at)),
                    ("file digest", tag("code", record.digest[:12])),
                ]
            ),
        )
    )
