"""Images that somebody brings: measured, judged, and not kept."""

import math

from markupsafe import Markup
from nicegui import events, ui

from dashboard.computed import (
    MeasuredImage,
    MeasuredSet,
    measure_images,
    phase_representativity,
)
from dashboard.pages.micrographs import gauge
from dashboard.parts.frame import Page
from dashboard.parts.markup import NOTHING, badge, join, quantity, table, tag, with_interval
from dashboard.parts.pictures import data_uri, shot
from models.errors import UnusableInput
from models.morphology import all_measures, known_descriptors
from models.representativity.result import Representativity

LARGEST_MB, TOGETHER_MB, MOST_IMAGES = 50, 150, 20
PHASE_MAP = "segmented image of two phases"


def own_images(view: Page) -> None:
    """The card to drop images on, and what came of them."""
    files: list[tuple[str, bytes]] = []
    with ui.element("div").classes("card").style("margin-top:14px"):
        ui.html(
            join(
                (
                    tag("h2", "Your own images"),
                    tag(
                        "p",
                        f"TIFF, PNG or JPEG, up to {LARGEST_MB} MB each, {MOST_IMAGES} at once. "
                        "They are measured and not kept.",
                        class_="faint",
                    ),
                )
            ),
            sanitize=False,
        )
        kinds = {
            "auto": "particles or texture, by the image",
            PHASE_MAP: PHASE_MAP,
            **{kind: kind for kind in all_measures()},
        }
        with ui.element("div").classes("inputs"):
            kind = ui.select(kinds, value="auto", label="What they show").props("outlined dense")
            size = ui.number("Pixel size in µm (empty: what the file says)", min=0, format="%g").props(
                "outlined dense"
            )
            error = ui.number("Asked relative error in %", value=5, min=0.1, max=50).props("outlined dense")

        async def keep(event: events.UploadEventArguments) -> None:
            # The browser was told; that somebody else sends more is refused here.
            room = TOGETHER_MB * 2**20 - sum(len(content) for _, content in files)
            if event.file.size() > min(room, LARGEST_MB * 2**20) or len(files) >= MOST_IMAGES:
                view.say(f"{event.file.name} is too large, or one too many.", good=False)
                return
            files.append((event.file.name, await event.file.read()))

        async def measure() -> None:
            if not files:
                view.say("Choose images first.", good=False)
                return
            given = tuple(files)
            files.clear()
            upload.reset()
            result.set_content(tag("p", f"Measuring {len(given)} images …", class_="busy"))
            try:
                if kind.value == PHASE_MAP:
                    share = float(error.value or 5) / 100
                    shown = _phase(await view.desk.worker.ask(phase_representativity, given, share))
                else:
                    pixel = float(size.value) if size.value else None
                    shown = _measured(
                        await view.desk.worker.ask(measure_images, given, str(kind.value), pixel),
                        float(error.value or 5) / 100,
                    )
            except UnusableInput as refused:
                shown = tag("p", f"✕ {refused}", class_="bad-text")
            if not result.is_deleted:
                result.set_content(shown)

        upload = (
            ui.upload(
                multiple=True,
                auto_upload=True,
                max_file_size=LARGEST_MB * 2**20,
                max_total_size=TOGETHER_MB * 2**20,
                max_files=MOST_IMAGES,
                label="Drop images here, or press + to choose",
                on_upload=keep,
                on_rejected=lambda: view.say(f"Too large, or more than {MOST_IMAGES}.", good=False),
            )
            .props('flat bordered accept=".tif,.tiff,.png,.jpg,.jpeg"')
            .style("width:100%; margin-top:10px")
        )
        with ui.element("div").classes("actions"):
            ui.button("Measure", on_click=measure)
        result = ui.html("", sanitize=False)


def _measured(found: MeasuredSet, asked: float) -> Markup:
    known = known_descriptors()
    rows = []
    for name, one in found.pooled.items():
        half = (one.high - one.low) / 2 / abs(one.value) if one.value else math.inf
        if not math.isfinite(half):
            rows.append(
                (
                    name,
                    quantity(one.value, known[name].unit),
                    NOTHING,
                    "an interval takes several fields",
                    one.n_fields,
                )
            )
            continue
        enough = badge("✓ enough", "good") if half <= asked else badge("◆ wide", "warn")
        needed = (
            ""
            if half <= asked or not one.fields_needed
            else f" {one.fields_needed} fields needed for ± {100 * asked:g} %"
        )
        value = join((with_interval(one.value, one.low, one.high), f" {known[name].unit}"))
        rows.append(
            (name, value, gauge(half, asked), join((enough, f" ± {100 * half:.1f} %.{needed}")), one.n_fields)
        )
    headings = ["descriptor", "pooled, with 95 % interval", "against what is asked", "", "fields"]
    return join(
        (
            tag("h3", "Together"),
            table(headings, rows, numbers=(4,), empty="No image can be trusted."),
            tag("h3", "Each"),
            tag("div", *map(_one_image, found.images), class_="pictures"),
        )
    )


def _one_image(one: MeasuredImage) -> Markup:
    known = known_descriptors()
    first = list(one.descriptors.items())[:4]
    told = ", ".join(f"{name} {quantity(value, known[name].unit)}" for name, value in first)
    doubts = [tag("p", f"✕ not used: {one.refused}", class_="bad-text")] if one.refused else []
    doubts += [tag("p", f"◆ {warning}", class_="warn-text") for warning in one.warnings]
    picture = shot(data_uri(one.overlay), f"{one.name} with what was segmented", None)
    words = tag(
        "figcaption", tag("b", one.name), tag("br"), f"{one.kind}, {one.count} measured. {told}", *doubts
    )
    return tag("figure", picture, words)


def _phase(found: Representativity) -> Markup:
    verdict = (
        badge("✓ representative", "good") if found.representative else badge("✕ not representative", "bad")
    )
    rows = [
        ("fraction of the brighter phase", with_interval(found.phase_fraction, *found.ci)),
        ("relative error", f"± {100 * found.rel_error:.1f} % of ± {100 * found.target_error:g} % asked"),
        ("integral range", quantity(found.integral_range_px, "px")),
        ("side of one image that would do", quantity(found.required_size_px, "px")),
        ("further images like these", NOTHING if found.further_fields is None else found.further_fields),
    ]
    warnings = [tag("p", f"◆ {one}", class_="warn-text") for one in found.warnings]
    return join(
        (
            tag("div", verdict, gauge(found.rel_error, found.target_error), class_="head"),
            table(["", ""], rows),
            *warnings,
        )
    )
