"""People: who may act here, in which role; for administrators."""

from collections.abc import Callable
from functools import partial

from markupsafe import Markup
from nicegui import ui

from campaigns.people import MAY, Act, Person, PersonRecord, Role
from dashboard.desk import Desk
from dashboard.parts.frame import Page, page
from dashboard.parts.markup import badge, join, moment, table, tag


def register(desk: Desk) -> None:
    """The page of people."""

    @page(desk, "/people", "People", here="people", needs=Act.PEOPLE)
    async def people_page(view: Page) -> None:
        view.head("People")
        await view.card(lambda: _listed(desk.people.people()), always=True)
        await view.rebuilt(
            lambda: tuple(one.name for one in desk.people.people()), partial(_changing, view), always=True
        )
        _adding(view)
        ui.html(join((tag("h2", "Roles"), _roles())), sanitize=False).classes("card")


def _listed(people: tuple[PersonRecord, ...]) -> Markup:
    rows = [
        (
            one.name,
            one.role,
            badge("✕ disabled", "bad") if one.disabled else badge("✓ active", "good"),
            "yes" if one.has_password else "no",
            moment(one.created_at),
            moment(one.updated_at),
        )
        for one in people
    ]
    headings = ["name", "role", "state", "password", "added (UTC)", "changed (UTC)"]
    return join((tag("h2", "Who may act here"), table(headings, rows)))


def _roles() -> Markup:
    rows = [(act.value, *("✓" if act in MAY[role] else "–" for role in Role)) for act in Act]
    return table(["may", *Role], rows)


def _adding(view: Page) -> None:
    with ui.element("div").classes("card"):
        ui.html(tag("h2", "Add somebody"), sanitize=False)
        with ui.element("form").classes("inputs").on("submit.prevent", lambda: None):
            name = ui.input("Name").props("outlined dense autocomplete=off")
            role = ui.select([*Role], value=Role.VIEWER, label="Role").props("outlined dense")
            password = _password("First password")

        def add(person: Person) -> str:
            person.require(Act.PEOPLE)
            made = view.desk.people.add(name.value, role.value, password.value, by=person.name)
            return f"{made.name} is added as {made.role}."

        async def act() -> None:
            if await view.do(add):
                name.set_value("")
                password.set_value("")

        with ui.element("div").classes("actions"):
            ui.button("Add", on_click=act)


def _changing(view: Page, names: tuple[str, ...]) -> None:
    people = view.desk.people
    with ui.element("div").classes("card"):
        ui.html(tag("h2", "Change somebody"), sanitize=False)
        with ui.element("form").classes("inputs").on("submit.prevent", lambda: None):
            who = ui.select(list(names), value=names[0] if names else None, label="Name")
            who.props("outlined dense")
            role = ui.select([*Role], value=Role.VIEWER, label="New role").props("outlined dense")
            password = _password("New password")

        def asked(act: Callable[[str, str], str]) -> Callable[[], object]:
            def done(person: Person) -> str:
                person.require(Act.PEOPLE)
                return act(str(who.value), person.name)

            return partial(view.do, done)

        def give_role(name: str, by: str) -> str:
            return f"{name} is now {people.set_role(name, role.value, by=by).role}."

        def give_password(name: str, by: str) -> str:
            people.set_password(name, password.value, by=by)
            return f"{name} has a new password, and is signed out everywhere."

        def disable(name: str, by: str) -> str:
            people.set_disabled(name, True, by=by)
            return f"{name} is kept out; sessions and tokens have ended."

        def enable(name: str, by: str) -> str:
            people.set_disabled(name, False, by=by)
            return f"{name} may sign in again."

        with ui.element("div").classes("actions"):
            ui.button("Set role", on_click=asked(give_role)).props("outline")
            ui.button("Set password", on_click=asked(give_password)).props("outline")
            ui.button("Disable", color="negative", on_click=asked(disable)).props("outline")
            ui.button("Enable", on_click=asked(enable)).props("outline")


def _password(label: str) -> ui.input:
    return ui.input(label, password=True).props("outlined dense autocomplete=new-password")
