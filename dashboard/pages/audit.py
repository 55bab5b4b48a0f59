"""Audit: who did what when, filtered and exported, and whether the chains of records hold."""

import dataclasses
import json
from asyncio import to_thread

from markupsafe import Markup
from nicegui import ui

from campaigns.ledger import AuditEntry, AuditFilter, ChainCheck
from campaigns.people import Act
from campaigns.people.auditing import as_csv, entries, moment, verify
from dashboard.desk import REFUSALS, Desk
from dashboard.parts.frame import Page, page
from dashboard.parts.markup import badge, facts, join, table, tag
from dashboard.parts.markup import moment as when

SHOWN = 200
EXPORTED = 1_000_000


def register(desk: Desk) -> None:
    """The page of the audit."""

    @page(desk, "/audit", "Audit", here="audit", needs=Act.AUDIT)
    async def audit_page(view: Page) -> None:
        view.head("Audit")
        wanted = AuditFilter(most=SHOWN)

        def read() -> Markup:
            return _listed(entries(desk.home, desk.people, wanted))

        async def apply() -> None:
            nonlocal wanted
            try:
                wanted = _filter(who.value, what.value, about.value, since.value, until.value)
            except REFUSALS as refused:
                view.say(str(refused), good=False)
                return
            await view.look(everything=True)

        async def export(kind: str) -> None:
            most = dataclasses.replace(wanted, most=EXPORTED)
            found = await to_thread(entries, desk.home, desk.people, most)
            ui.download.content(_written(found, kind), f"audit.{kind}")

        with ui.element("div").classes("card"):
            ui.html(tag("h2", "Filter"), sanitize=False)
            with ui.element("div").classes("inputs"):
                who = _text("Who (name)", apply)
                what = _text("What (e.g. approved, lab stopped)", apply)
                about = _text("About (campaign or experiment)", apply)
                since = _text("Since (e.g. 2026-11-01)", apply)
                until = _text("Until", apply)
            with ui.element("div").classes("actions"):
                ui.button("Show", on_click=apply)
                ui.button("Export CSV", on_click=lambda: export("csv")).props("outline")
                ui.button("Export JSON", on_click=lambda: export("json")).props("outline")
        await _verifying(view)
        await view.card(read, always=True)


def _text(label: str, apply: object) -> ui.input:
    return ui.input(label).props("outlined dense").on("keydown.enter", apply)  # type: ignore[arg-type]


def _filter(who: str, what: str, about: str, since: str, until: str) -> AuditFilter:
    return AuditFilter(who.strip(), what.strip(), about.strip(), moment(since), moment(until), SHOWN)


def _written(found: tuple[AuditEntry, ...], kind: str) -> bytes:
    if kind == "csv":
        return as_csv(found).encode()
    return json.dumps({"entries": [dataclasses.asdict(one) for one in found]}, indent=1, default=str).encode()


def _listed(found: tuple[AuditEntry, ...]) -> Markup:
    rows = [
        (
            when(one.at),
            one.author,
            badge(one.what),
            join((one.subject, tag("br"), tag("code", f"{one.store} {one.hash[:10]}", class_="faint"))),
            tag("td", one.reason, class_="wide"),
        )
        for one in found
    ]
    headings = ["when (UTC)", "who", "what", "about (store, hash)", "why"]
    more = tag("p", f"The newest {SHOWN}; filter or export to see more.", class_="faint small")
    shown = table(headings, rows, empty="Nothing fits.")
    return join((tag("h2", "Record"), shown, more if len(rows) == SHOWN else None))


async def _verifying(view: Page) -> None:
    with ui.element("div").classes("card"):
        ui.html(
            join(
                (
                    tag("h2", "Is the record untouched?"),
                    tag(
                        "p",
                        "Each entry carries a hash over itself and the one before. Note the heads outside "
                        "this machine: they prove later that nothing before them was changed.",
                        class_="faint small",
                    ),
                )
            ),
            sanitize=False,
        )
        result = ui.html("", sanitize=False)

        async def check() -> None:
            result.set_content(tag("p", "Following the chains …", class_="busy"))
            result.set_content(_told(await to_thread(verify, view.desk.home, view.desk.people)))

        with ui.element("div").classes("actions"):
            ui.button("Verify now", on_click=check).props("outline")


def _told(checks: tuple[ChainCheck, ...]) -> Markup:
    return facts(
        (
            one.store,
            join(
                (
                    badge("✓ untouched", "good") if one.holds else badge("✕ BROKEN", "bad"),
                    f" {one.rows} entries; head ",
                    tag("code", f"{one.store}:{one.head}"),
                    "" if one.holds else f" {one.fault}",
                )
            ),
        )
        for one in checks
    )
