"""Explore: what a model expects of conditions; and one's own images, measured."""

import asyncio
import math

from markupsafe import Markup
from nicegui import events, ui

from campaigns.people import Act
from dashboard.computed import (
    Imagined,
    MeasuredImage,
    MeasuredSet,
    imagine,
    measure_images,
    phase_representativity,
)
from dashboard.desk import Desk
from dashboard.pages.micrographs import gauge
from dashboard.pages.models import data_uri
from dashboard.pages.proposal import distance_in_words, distance_tone
from dashboard.parts.frame import Page, page
from dashboard.parts.markup import NOTHING, badge, join, quantity, table, tag, with_interval
from dashboard.parts.pictures import shot
from models.errors import UnusableInput
from models.generator.record import GeneratorRecord
from models.generator.schema import ParameterRange
from models.morphology import all_measures, known_descriptors
from models.representativity.result import Representativity

LARGEST_MB, TOGETHER_MB = 50, 150
MOST_IMAGES = 20
TILE_PX = 128
PHASE_MAP = "segmented image of two phases"


def register(desk: Desk) -> None:
    """The page of trying things out."""

    @page(desk, "/explore", "Explore", here="explore", needs=Act.EXPLORE)
    async def explore_page(view: Page, version: str = "") -> None:
        known = [one for one in await asyncio.to_thread(desk.versions) if one.record is not None]
        wanted = [one for one in known if one.name == version] or [one for one in known if one.current]
        view.head("Explore")
        if wanted and wanted[0].record is not None:
            names = [one.name for one in known]
            _Sliders(view, wanted[0].name, wanted[0].record, names)
        else:
            ui.html(tag("p", "There is no generator to ask.", class_="faint"), sanitize=False).classes("card")
        _own_images(view)


class _Sliders:
    """Sliders for the conditions; the newest question is asked, those that it overtook are not."""

    def __init__(self, view: Page, version: str, record: GeneratorRecord, names: list[str]) -> None:
        self._view, self._version, self._record = view, version, record
        self._conditions: dict[str, float | str] = {}
        self._asked, self._answered = 0, False
        self._busy = asyncio.Lock()
        if record.inputs.simulated:
            ui.html(
                tag(
                    "div",
                    "SIMULATED — this model knows a simulated plant, not a reactor.",
                    class_="strip simulated",
                ),
                sanitize=False,
            )
        with ui.element("div").classes("columns"):
            with ui.element("div").classes("card third"):
                ui.html(tag("h2", "Conditions"), sanitize=False)
                ui.select(
                    names,
                    value=version,
                    label="Model",
                    on_change=lambda e: view.go(f"/explore?version={e.value}"),
                ).props("outlined dense").style("margin-bottom:8px")
                for parameter in record.inputs.parameters:
                    self._control(parameter)
                ui.button("Predict", on_click=self._ask).style("margin-top:12px")
            self._shown = ui.html(
                join(
                    (
                        tag("h2", "Predicted"),
                        tag(
                            "p",
                            "Move a slider, or press Predict. The first answer takes about ten seconds.",
                            class_="faint",
                        ),
                    )
                ),
                sanitize=False,
            ).classes("card two-thirds")

    def _control(self, one: ParameterRange) -> None:
        name = one.name
        if one.categories:
            self._conditions[name] = one.categories[0]
            if len(one.categories) > 1:
                ui.select(
                    list(one.categories),
                    value=one.categories[0],
                    label=name,
                    on_change=lambda e: self._set(name, e.value),
                ).props("outlined dense")
            return
        middle = (one.low + one.high) / 2
        step = one.step or (one.high - one.low) / 50 or 1.0
        value = one.low + round((middle - one.low) / step) * step
        self._conditions[name] = value
        if not one.varies:
            return
        # A little beyond what was seen can be tried; the answer says so.
        margin = round(0.1 * (one.high - one.low) / step) * step
        label = ui.html(_setting(one, value), sanitize=False)

        async def change(event: events.ValueChangeEventArguments[float | None]) -> None:
            now = float(event.value or 0.0)
            label.set_content(_setting(one, now))
            await self._set(name, now)

        slider = ui.slider(
            min=max(one.low - margin, 0 if one.low >= 0 else -math.inf),
            max=one.high + margin,
            step=step,
            value=value,
        )
        slider.props(f'throttle=0.3 aria-label="{name}"').on_value_change(change)

    async def _set(self, name: str, value: float | str) -> None:
        self._conditions[name] = value
        await self._ask()

    async def _ask(self) -> None:
        self._asked += 1
        mine = self._asked
        await asyncio.sleep(0.4)
        async with self._busy:
            if mine != self._asked or self._shown.is_deleted:
                return
            self._shown.classes(add="busy")
            if not self._answered:
                self._shown.set_content(
                    join((tag("h2", "Predicted"), tag("p", "The model is being loaded and asked …")))
                )
            try:
                found = await self._view.desk.worker.ask(imagine, self._version, dict(self._conditions), 0)
                shown = _imagined(found)
                self._answered = True
            except UnusableInput as error:
                shown = join((tag("h2", "Predicted"), tag("p", f"✕ {error}", class_="bad-text")))
            if not self._shown.is_deleted:
                self._shown.classes(remove="busy")
                self._shown.set_content(shown)


def _setting(one: ParameterRange, value: float) -> Markup:
    outside = not one.low <= value <= one.high
    told = badge("◆ beyond what was seen", "warn") if outside else None
    unit = f" {one.unit}" if one.unit not in ("", NOTHING) else ""
    seen = tag("span", f" (seen {one.low:g} to {one.high:g})", class_="faint small")
    return tag("div", f"{one.name} ", tag("b", f"{value:g}{unit}"), seen, " ", told)


def _imagined(found: Imagined) -> Markup:
    known = known_descriptors()
    rows = [
        (
            name,
            f"{quantity(one.mean)} ± {quantity(one.sd, known[name].unit)}",
            tag("td", known[name].meaning, class_="wide faint"),
        )
        for name, one in found.estimates.items()
    ]
    pictures = []
    for magnification, tiles in found.pictures.items():
        width = TILE_PX * found.pixel_size_um[magnification]
        shots = [
            shot(data_uri(one), f"predicted micrograph at {magnification} times", width) for one in tiles
        ]
        pictures.append(join((tag("h3", f"at {magnification}×"), tag("div", *shots, class_="pictures few"))))
    return join(
        (
            tag("h2", f"Predicted by {found.version}"),
            tag(
                "div",
                distance_in_words(found.distance),
                f" Distance {found.distance:.2f}.",
                class_=f"notice {distance_tone(found.distance)}",
            ),
            table(["descriptor", "predicted ± SD", "meaning"], rows),
            *pictures,
            tag("p", f"{found.seconds:.1f} s", class_="faint small"),
        )
    )


def _own_images(view: Page) -> None:
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
