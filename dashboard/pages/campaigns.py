"""Campaigns: all of them with state and reason; the first of all is a demonstration."""

from markupsafe import Markup
from nicegui import ui

from campaigns.ledger import CampaignRecord
from campaigns.people import Act
from dashboard.desk import Begun, Desk
from dashboard.parts.frame import Page, page
from dashboard.parts.markup import badge, join, link, moment, simulated_badge, table, tag
from dashboard.reading.campaign import CampaignView, campaign_view
from dashboard.starting import DEMONSTRATION

SHOWN = 25
"""Campaigns on one page."""


def register(desk: Desk) -> None:
    """The list of campaigns, which is also the first page."""

    @page(desk, "/", "Campaigns", here="campaigns")
    async def first_page(view: Page) -> None:
        await _campaigns(view, 0)

    @page(desk, "/campaigns", "Campaigns", here="campaigns")
    async def campaigns_page(view: Page, start: int = 0) -> None:
        await _campaigns(view, max(0, start))


async def _campaigns(view: Page, start: int) -> None:
    source = view.desk.source
    await view.simulated(lambda: any(one.simulated for one in source.campaigns()))
    view.head("Campaigns")
    await view.rebuilt(lambda: bool(source.campaigns()), lambda any_: None if any_ else _welcome(view))
    await view.markup(lambda: _begun(view.desk.begun()), always=True)
    await view.markup(lambda: _listed(view, source.campaigns(), start))
    _starting(view)


def _listed(view: Page, records: tuple[CampaignRecord, ...], start: int) -> Markup:
    if not records:
        return Markup("")
    rows = [_row(view, record) for record in records[start : start + SHOWN]]
    turns = [
        link(text, view.url(f"/campaigns?start={max(0, at)}"))
        for at, text in ((start - SHOWN, "Newer campaigns"), (start + SHOWN, "Older campaigns"))
        if -SHOWN < at < len(records) and at != start
    ]
    more = tag("div", *turns, class_="actions") if turns else None
    headings = ["campaign", "state", "experiments", "best miss (tolerances)", "lab time", "changed (UTC)"]
    return tag("div", table(headings, rows, numbers=(2, 3, 4)), more, class_="card")


def _row(view: Page, record: CampaignRecord) -> tuple[object, ...]:
    found = campaign_view(view.desk.source, record.id)
    misses = [one.worst for one in found.iterations if one.worst is not None]
    name = link(record.id, view.url(f"/campaigns/{record.id}"))
    return (
        join((name, tag("br"), simulated_badge(record.simulated))),
        tag("td", badge(str(record.status)), " ", record.reason, class_="wide"),
        join((f"{found.experiments_done} of {found.campaign.budget.experiments}", tag("br"), _fields(found))),
        f"{min(misses):.2g}" if misses else "–",
        f"{record.virtual_hours:.1f} h",
        moment(record.updated_at),
    )


def _fields(found: CampaignView) -> Markup:
    return tag("span", f"{found.fields} fields", class_="faint small")


def _welcome(view: Page) -> None:
    with ui.element("div").classes("card"):
        ui.html(
            join(
                (
                    tag("h2", "No campaign yet"),
                    tag(
                        "p",
                        "A campaign searches synthesis conditions until the material in the beaker has the "
                        "structure you asked for. The demonstration runs a small one in a simulated lab: a "
                        "porous membrane with a given porosity. It takes about a minute.",
                    ),
                    tag(
                        "p",
                        "Your own: copy a file from campaigns/library and run ",
                        tag("code", "morpholoop dry-run FILE.yaml"),
                        ".",
                        class_="faint",
                    ),
                )
            ),
            sanitize=False,
        )
        if not view.may(Act.RUN):
            ui.html(tag("p", "A scientist can start it.", class_="faint"), sanitize=False)
            return

        async def begin() -> None:
            button.disable()
            if not await view.do(lambda person: view.desk.start(person, DEMONSTRATION)):
                button.enable()

        with ui.element("div").classes("actions"):
            button = ui.button("Run the demonstration", on_click=begin)


def _begun(begun: tuple[Begun, ...]) -> Markup:
    """What was started here and is not in the list yet."""
    return join(
        tag(
            "div",
            f"✕ {one.started.name} did not start: {one.failed}"
            if one.failed
            else f"▶ {one.started.name} is starting …",
            class_="notice bad" if one.failed else "notice busy",
            role="alert" if one.failed else "status",
        )
        for one in begun
    )


def _starting(view: Page) -> None:
    """Start a campaign from one of the files that lie ready on the server."""
    if not view.may(Act.RUN):
        return
    names = sorted(view.desk.acts.starter.files())
    with ui.expansion("Start a campaign").classes("faint"):
        told = "Files lie in campaigns/ of the state directory; the shipped ones run in simulated labs."
        ui.html(tag("p", told, class_="small"), sanitize=False)
        with ui.element("div").classes("actions"):
            file = ui.select(names, value=names[0], label="File").style("min-width:220px")
            seed = ui.number("Seed", min=0, max=2**31 - 1, step=1, precision=0).style("max-width:130px")
            for one in (file, seed):
                one.props("outlined dense options-dense")

            async def begin() -> None:
                chosen = None if seed.value is None else int(seed.value)
                await view.do(lambda person: view.desk.start(person, str(file.value), chosen))

            ui.button("Start", on_click=begin).props("outline")
