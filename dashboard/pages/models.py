"""Models: versions of the generator, how good each is on what it never saw, its origin; promoting."""

from collections.abc import Callable

from markupsafe import Markup
from nicegui import ui

from campaigns.ledger import ModelUse
from campaigns.people import Act, Person
from dashboard.computed import samples
from dashboard.desk import Desk
from dashboard.pages.model_card import lineage, metrics, worst_r2
from dashboard.parts.frame import Page, page
from dashboard.parts.markup import (
    NOTHING,
    badge,
    join,
    link,
    moment,
    setting,
    table,
    tag,
)
from dashboard.parts.pictures import data_uri, shot
from models.errors import UnusableInput
from models.generator.registry import Version
from models.generator.retraining import RetrainingCheck, read_check

USES = 60


def register(desk: Desk) -> None:
    """The page of models."""

    @page(desk, "/models", "Models", here="models")
    async def models_page(view: Page, version: str = "") -> None:
        found = desk.versions

        def chosen() -> Version | None:
            known = found()
            wanted = [one for one in known if one.name == version] or [one for one in known if one.current]
            return wanted[0] if wanted else None

        await view.simulated(
            lambda: any(one.record is not None and one.record.inputs.simulated for one in found())
        )
        view.head("Models")
        await view.card(lambda: _listed(view, found(), read_check(desk.home)), always=True)
        with ui.element("div").classes("columns"):
            await view.card(lambda: metrics(chosen()), "broad")
            await view.card(lambda: lineage(chosen()), "narrow")
        _samples(view, chosen)
        _promoting(view, chosen)
        await view.card(lambda: _history(view))


def _listed(view: Page, found: tuple[Version, ...], check: RetrainingCheck | None) -> Markup:
    rows = [
        (
            link(one.name, view.url(f"/models?version={one.name}")),
            badge("✓ current", "good") if one.current else badge("shipped", "plain") if one.shipped else "",
            (one.record.lineage.parent or one.record.lineage.kind) if one.record else NOTHING,
            moment(one.record.created) if one.record else NOTHING,
            len(one.record.trained_on) if one.record else NOTHING,
            worst_r2(one.record) if one.record else NOTHING,
            tag("td", f"✕ {one.problem}" if one.problem else "", class_="wide bad-text"),
        )
        for one in found
    ]
    headings = [
        "version",
        "",
        "made from",
        "created (UTC)",
        "conditions seen",
        "R² on held-out conditions",
        "",
    ]
    return join(
        (tag("h2", "Versions"), table(headings, rows, empty="There is no generator yet."), _retraining(check))
    )


def _retraining(check: RetrainingCheck | None) -> Markup:
    """When retraining was last looked at, and when it will be; what it made is in the history below."""
    if check is None:
        return tag(
            "p", "Retraining is scheduled by Prefect and has not been looked at yet.", class_="faint small"
        )
    kind = "simulated labs" if check.simulated else "the real lab"
    following = join((" Next look: ", moment(check.next_at), " (UTC).")) if check.next_at else ""
    return tag(
        "p",
        badge("retraining was due" if check.due else "no retraining due", "accent" if check.due else "plain"),
        f" Experiments of {kind}: {check.reason}, as of ",
        moment(check.at),
        " (UTC).",
        following,
    )


def _samples(view: Page, chosen: Callable[[], Version | None]) -> None:
    with ui.element("div").classes("card").style("margin-top:14px"):
        ui.html(tag("h2", "Samples"), sanitize=False)
        place = ui.html(
            tag("p", "Drawn at three conditions that it was not trained on.", class_="faint"), sanitize=False
        )

        async def draw() -> None:
            version = chosen()
            if version is None:
                return
            button.disable()
            place.set_content(tag("p", "Drawing … the first time it takes about ten seconds.", class_="busy"))
            try:
                place.set_content(_grid(await view.desk.worker.ask(samples, version.name)))
            except UnusableInput as error:
                place.set_content(tag("p", str(error), class_="bad-text"))
            button.enable()

        with ui.element("div").classes("actions"):
            button = ui.button("Draw samples", on_click=draw).props("outline")


def _grid(found: tuple[tuple[dict[str, float | str], int, float, tuple[bytes, ...]], ...]) -> Markup:
    rows = []
    for conditions, magnification, pixel_size, pictures in found:
        told = ", ".join(f"{name} {setting(value)}" for name, value in conditions.items())
        shots = [
            shot(data_uri(one), f"sample at {magnification} times", 128 * pixel_size) for one in pictures
        ]
        rows.append(join((tag("h3", f"{magnification}×: {told}"), tag("div", *shots, class_="pictures few"))))
    return join(rows)


def _promoting(view: Page, chosen: Callable[[], Version | None]) -> None:
    if not view.may(Act.PROMOTE):
        return
    with ui.element("div").classes("card"):
        ui.html(
            join(
                (
                    tag("h2", "Which version is current"),
                    tag(
                        "p",
                        "Campaigns that begin from now on use it; those under way stay on their line.",
                        class_="faint small",
                    ),
                )
            ),
            sanitize=False,
        )
        reason = ui.input("Reason").props("outlined dense").style("max-width:420px")

        def promote(person: Person) -> str:
            version = chosen()
            if version is None:
                raise UnusableInput("There is no version to promote.")
            view.desk.acts.models.promote(person, version.name, str(reason.value or ""))
            view.desk.versions.forget()
            return f"{version.name} is current now."

        def rollback(person: Person) -> str:
            before = view.desk.acts.models.rollback(person, str(reason.value or ""))
            view.desk.versions.forget()
            return f"{before} is current again."

        version = chosen()
        with ui.element("div").classes("actions"):
            button = ui.button(
                f"Promote {version.name if version else ''}", on_click=lambda: view.do(promote)
            )
            if version is None or version.current:
                button.disable()
            ui.button("Roll back to the one before", on_click=lambda: view.do(rollback)).props("outline")


def _history(view: Page) -> Markup:
    rows = [
        (
            moment(use.at),
            link(campaign, view.url(f"/campaigns/{campaign}")),
            use.version,
            use.parent or NOTHING,
            badge(use.action),
            tag("td", use.reason, class_="wide"),
        )
        for campaign, use in _uses(view.desk)
    ]
    headings = ["when (UTC)", "campaign", "version", "from", "what", "why"]
    shown = table(headings, rows, empty="No campaign has fine-tuned a model yet.")
    return join((tag("h2", "What was learnt, and whether it passed"), shown))


def _uses(desk: Desk) -> tuple[tuple[str, ModelUse], ...]:
    """What became of versions in campaigns: made, promoted or refused; the newest first."""

    def read() -> tuple[tuple[str, ModelUse], ...]:
        found = [
            (record.id, use)
            for ledger in desk.source.ledgers()
            for record in ledger.campaigns()[:50]
            for use in ledger.model_uses(record.id)
            if use.action != "proposed"
        ]
        return tuple(sorted(found, key=lambda one: one[1].at, reverse=True)[:USES])

    return desk.source.cached("uses", read)
