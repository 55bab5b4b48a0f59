"""Lab: every device live with its limits, alarms and interlocks, who holds it, and taking a stop back."""

from markupsafe import Markup
from nicegui import ui

from campaigns.people import Act
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
from dashboard.reading.labs import LabView, labs, orders
from devices.snapshot import Reading
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
        await view.simulated(lambda: any(one.snapshot.simulated for one in labs(desk.home)))
        view.head("Lab")
        await view.rebuilt(lambda: orders(desk.home), lambda standing: _taking_back(view, standing))
        await view.markup(lambda: join(map(_lab, labs(desk.home))) or _NONE)


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
        tag("div", tag("h3", "Devices"), _devices(one), class_="third"),
        tag("div", tag("h3", "Quantities"), _values(snapshot.values), class_="two-thirds"),
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
    who = f"process {holder.pid} on {holder.host}" if holder else "nobody"
    return facts(
        [
            ("reactor", badge(snapshot.state, "accent" if snapshot.running else "plain")),
            ("batch", snapshot.running or NOTHING),
            ("latest run", snapshot.run_id or NOTHING),
            ("starts", snapshot.starts),
            ("microscope", badge(snapshot.microscope, "plain")),
            ("sample", snapshot.sample or NOTHING),
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
            return badge("watched by the lab itself", "plain")
        return badge("✓ holds", "good") if safe else badge("✕ forbids a start", "bad")

    rows = [
        (lock.name, lock.watches, lock.threshold, quantity(lock.reads, lock.unit), state(lock.safe))
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
            await view.do(lambda: view.desk.clear(view.visitor.person))

        with ui.element("div").classes("actions"):
            ui.button("Take the stop back: the lab may be started again", on_click=clear).props("outline")
