"""One field of view, large: zoom, what was segmented, its own numbers, and leaving it out."""

from asyncio import to_thread
from collections.abc import Callable

from markupsafe import Markup
from nicegui import ui

from campaigns.ledger import Micrograph
from campaigns.people import Act, Person
from campaigns.report import overlay_path
from campaigns.specification import View
from dashboard.computed import measure_field
from dashboard.parts.frame import Page
from dashboard.parts.markup import NOTHING, join, quantity, table, tag
from dashboard.parts.pictures import picture_url, scale_bar, shot, width_um
from models.errors import UnusableInput
from models.morphology import known_descriptors


async def open_field(view: Page, experiment_id: str, one: View, micrograph: Micrograph, name: str) -> None:
    """One field, large: zoomed, with what was segmented, its own numbers, and a way to reject it."""
    state = {"zoom": 100, "outlined": False}
    width = width_um(micrograph)
    has_overlay = micrograph.kind != "predicted" and await to_thread(overlay_path(micrograph).is_file)

    def large() -> Markup:
        source = picture_url(
            view.prefix, experiment_id, micrograph, "outlined" if state["outlined"] else "full"
        )
        picture = shot(source, name, None, style=f"width:{state['zoom']}%")
        # The bar stays in sight wherever one scrolls to.
        bar = scale_bar(width, state["zoom"] / 100) if width else None
        return tag("div", tag("div", picture, class_="viewer", tabindex="0"), bar, class_="looking")

    with (
        ui.dialog().props("maximized") as dialog,
        ui.card().style("width:100%; max-width:1100px; margin:auto; display:block; overflow:auto"),
    ):
        ui.html(tag("h2", f"{experiment_id}: {name}"), sanitize=False)
        picture = ui.html(large(), sanitize=False)

        def change(**to: object) -> None:
            state.update(to)  # type: ignore[arg-type]
            picture.set_content(large())

        with ui.element("div").classes("actions"):
            for zoom in (100, 200, 400):
                ui.button(f"{zoom} %", on_click=lambda zoom=zoom: change(zoom=zoom)).props(
                    "outline dense"
                ).style("padding:2px 10px")
            if has_overlay:
                ui.switch("What was segmented", on_change=lambda e: change(outlined=bool(e.value)))
            ui.space()
            ui.button("Close", on_click=dialog.close).props("outline")
        ui.html(
            tag(
                "p",
                f"{1000 * micrograph.pixel_size_um:.3g} nm per pixel",
                f"; taken {micrograph.acquired_at[:19]} (lab time)" if micrograph.acquired_at else "",
                f"; SHA-256 {micrograph.sha256[:16]}…",
                class_="faint small",
            ),
            sanitize=False,
        )
        numbers = ui.html(
            tag("p", "Measuring this field alone …", class_="faint busy")
            if micrograph.kind != "predicted"
            else "",
            sanitize=False,
        )
        if micrograph.kind == "measured":
            _rejecting(view, experiment_id, micrograph, dialog.close)
    dialog.on("hide", dialog.delete)
    dialog.open()
    if micrograph.kind != "predicted":
        try:
            values = await view.desk.worker.ask(measure_field, micrograph.path, one)
            shown = _field_numbers(values)
        except UnusableInput as error:
            shown = tag("p", str(error), class_="bad-text")
        if not numbers.is_deleted:
            numbers.set_content(shown)


def _field_numbers(values: dict[str, float]) -> Markup:
    known = known_descriptors()
    rows = [
        (name, quantity(value, known[name].unit), tag("td", known[name].meaning, class_="wide faint"))
        for name, value in values.items()
    ]
    return join(
        (
            tag("h3", "This field alone (no interval: that takes several)"),
            table(["descriptor", "value", "meaning"], rows, empty=NOTHING),
        )
    )


def _rejecting(view: Page, experiment_id: str, micrograph: Micrograph, close: Callable[[], object]) -> None:
    if not view.may(Act.REJECT_FIELD):
        return
    with ui.element("div").classes("actions"):
        why = ui.input("Why this field must not count").props("outlined dense").style("min-width:300px")

        def act(person: Person) -> str:
            reason = str(why.value or "")
            view.desk.acts.reject_field(person, experiment_id, micrograph.sha256, reason)
            return f"Field {micrograph.field} is left out; a campaign that goes on measures anew without it."

        async def reject() -> None:
            if await view.do(act):
                close()

        ui.button("Reject this field", color="negative", on_click=reject).props("outline")
