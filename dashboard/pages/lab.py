"""Lab: every device live with its limits, alarms and interlocks, who holds it, and taking a stop back."""

from functools import partial

from markupsafe import Markup
from nicegui import ui

from campaigns.people import Act, Person
from dashboard.desk import Desk
from dashboard.parts.frame import Page, page
from dashboard.parts.markup import (
    NOTHING,
    badge,
    facts,
    join,
    moment,
    quantity,
    setting,
    simulated_badge,
    since,
    table,
    tag,
)
from dashboard.reading.labs import LabView
from devices.manual.task import Task
from devices.snapshot import Reading, Snapshot
from devices.stopping import StopOrder

_NONE = tag(
    "div",
    tag("h2", "No lab has been opened yet"),
    tag(
        "p",
        "A lab shows here as soon as a campaign opens it. ",
        tag("code", "morpholoop lab check LAB.yaml"),
        " checks its file.",
    ),
    class_="card",
)


def register(desk: Desk) -> None:
    """The page of all labs."""

    @page(desk, "/lab", "Lab", here="lab")
    async def lab_page(view: Page) -> None:
        await view.simulated(lambda: any(one.snapshot.simulated for one in desk.labs()))
        view.head("Lab")
        await view.rebuilt(desk.orders, lambda standing: _taking_back(view, standing), always=True)
        await view.rebuilt(
            lambda: tuple(desk.acts.labs.tasks()), lambda tasks: _tasks(view, tasks), always=True
        )
        await view.markup(lambda: join(map(_lab, desk.labs())) or _NONE, always=True)


def _lab(one: LabView) -> Markup:
    snapshot = one.snapshot
    heading = tag(
        "div",
        tag("h2", snapshot.lab),
        simulated_badge(snapshot.simulated),
        _holding(one),
        badge(f"{len(snapshot.alarms)} alarm{'s' if len(snapshot.alarms) > 1 else ''}", "bad")
        if snapshot.alarms
        else None,
        class_="head",
    )
    alarms = [
        tag("p", "✕ ", alarm, class_="bad-text")
        for alarm in (*snapshot.alarms, *([one.fault] if one.fault else []))
    ]
    stopped = tag("p", "STOPPED: ", one.order.told(), class_="bad-text") if one.order else None
    columns = tag(
        "div",
        tag("div", tag("h3", "Devices"), _devices(one), class_="narrow"),
        tag("div", *_quantities(snapshot), class_="broad"),
        class_="columns",
    )
    return tag(
        "section",
        heading,
        stopped,
        *alarms,
        columns,
        tag("h3", "Interlocks"),
        _interlocks(one),
        class_="card",
    )


def _holding(one: LabView) -> Markup:
    if one.stale:
        return badge("its process does not answer", "bad")
    return badge("driven now", "accent") if one.held else badge("at rest", "plain")


def _devices(one: LabView) -> Markup:
    snapshot, holder = one.snapshot, one.snapshot.holder
    each = [
        (device.name, join((badge(device.state, "accent" if device.key else "plain"), f" {device.key}")))
        for device in snapshot.devices
    ]
    alone = [
        ("reactor", badge(snapshot.state, "accent" if snapshot.running else "plain")),
        ("batch", snapshot.running or NOTHING),
        ("latest run", snapshot.run_id or NOTHING),
        ("starts", snapshot.starts),
        ("microscope", badge(snapshot.microscope, "plain")),
        ("sample", snapshot.sample or NOTHING),
    ]
    who = f"process {holder.pid} on {holder.host}" if holder else "nobody"
    return facts(
        [
            *(each or alone),
            *([("waits for", snapshot.note)] if snapshot.note else []),
            ("held by", who if one.held else f"nobody (last: {who})"),
            (
                "heartbeat",
                join((moment(snapshot.at), tag("span", f" ({since(snapshot.at)})", class_="faint"))),
            ),
            ("lab time", moment(snapshot.lab_time)),
            *([("last stop", snapshot.last_stop.told())] if snapshot.last_stop else []),
        ]
    )


def _quantities(snapshot: Snapshot) -> list[Markup]:
    """Of one reactor and microscope together; of several, of each by its name."""
    if not snapshot.devices:
        return [tag("h3", "Quantities"), _values(snapshot.values)]
    return [
        part
        for one in snapshot.devices
        for part in (tag("h3", f"Quantities of {one.name}"), _values(one.values))
    ]


def _values(values: tuple[Reading, ...]) -> Markup:
    rows = [
        (
            one.name,
            quantity(one.value, one.unit),
            setting(one.setpoint, one.unit) if one.setpoint is not None else NOTHING,
            ", ".join(one.choices) or f"{setting(one.low)} to {setting(one.high, one.unit)}"
            if one.choices or one.low is not None
            else NOTHING,
            _within(one),
        )
        for one in values
    ]
    return table(["quantity", "reads", "set-point", "allowed", "within limits"], rows, numbers=(1, 2))


def _within(one: Reading) -> Markup:
    if one.value is None:
        return badge("not read", "bad")
    if one.choices:
        return badge("✓ yes", "good") if one.value in one.choices else badge("✕ no", "bad")
    if one.low is None or one.high is None or isinstance(one.value, str):
        return Markup(NOTHING)
    share = (one.value - one.low) / ((one.high - one.low) or 1.0)
    if not -1e-9 <= share <= 1 + 1e-9:
        return badge("✕ no", "bad")
    mark = tag("i", style=f"left:calc({100 * min(1, max(0, share)):.1f}% - 1px)")
    return tag("span", mark, class_="track", role="img", aria_label="yes", title="yes")


def _interlocks(one: LabView) -> Markup:
    def state(safe: bool | None) -> Markup:
        if safe is None:
            return badge("by the lab itself", "plain")
        return badge("✓ holds", "good") if safe else badge("✕ forbids a start", "bad")

    rows = [
        (
            lock.name,
            lock.watches,
            tag("td", lock.threshold, class_="wide"),
            quantity(lock.reads, lock.unit),
            state(lock.safe),
        )
        for lock in one.interlocks
    ]
    return table(
        ["interlock", "watches", "threshold", "reads", "state"],
        rows,
        numbers=(3,),
        empty="The lab file names none.",
    )


def _taking_back(view: Page, standing: tuple[StopOrder, ...]) -> None:
    if not standing:
        return
    with ui.element("div").classes("card"):
        ui.html(
            join((tag("h2", "A stop stands"), *(tag("p", order.told()) for order in standing))),
            sanitize=False,
        )
        if not view.may(Act.CLEAR):
            ui.html(tag("p", "An operator can take it back.", class_="faint"), sanitize=False)
            return

        async def clear() -> None:
            await view.do(view.desk.clear)

        with ui.element("div").classes("actions"):
            ui.button("Take the stop back: the lab may be started again", on_click=clear).props("outline")


def _tasks(view: Page, tasks: tuple[Task, ...]) -> None:
    """What a lab without a control system asks of a person, and the answer."""
    for task in tasks:
        with ui.element("div").classes("card"):
            steps = tag("ol", *(tag("li", step) for step in task.instructions)) if task.instructions else None
            asked = tag("p", join((tag("b", ask.told()) for ask in task.asks), "; ")) if task.asks else None
            ui.html(
                join(
                    (tag("h2", f"To do: {task.title}"), steps, asked, tag("p", task.id, class_="faint small"))
                ),
                sanitize=False,
            )
            if view.may(Act.CONFIRM):
                _answer(view, task)


def _answer(view: Page, task: Task) -> None:
    typed: dict[str, ui.input] = {}
    with ui.element("div").classes("inputs"):
        for name, label in (
            *((ask.name, f"{ask.name} reached{f' ({ask.unit})' if ask.unit else ''}") for ask in task.asks),
            ("started", "started, e.g. 2026-03-01T09:00"),
            ("finished", "finished"),
            ("remarks", "remarks; why, if it was not done"),
        ):
            typed[name] = ui.input(label).props("outlined dense")

    def done(person: Person) -> str:
        answers = {
            name: str(one.value).strip() for name, one in typed.items() if str(one.value or "").strip()
        }
        found = view.desk.acts.labs.confirm(person, task.id, answers)
        flags = found.answer.flags if found.answer else ()
        return f"{task.title}: done." + (f" Flagged: {'; '.join(flags)}." if flags else "")

    def not_done(person: Person) -> str:
        view.desk.acts.labs.decline(person, task.id, str(typed["remarks"].value or ""))
        return f"{task.title}: not done; the sample is lost."

    with ui.element("div").classes("actions"):
        ui.button("Done; what is not typed counts as asked for", on_click=partial(view.do, done))
        ui.button("It was not done", color="negative", on_click=partial(view.do, not_done)).props("outline")
