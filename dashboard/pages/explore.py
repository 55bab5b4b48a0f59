"""Explore: what a model expects of conditions; and one's own images, measured."""

import asyncio
import math

from markupsafe import Markup
from nicegui import events, ui

from campaigns.people import Act
from dashboard.computed import (
    Imagined,
    imagine,
)
from dashboard.desk import Desk
from dashboard.pages.own_images import own_images
from dashboard.pages.trust import distance_in_words, distance_tone
from dashboard.parts.frame import Page, page
from dashboard.parts.markup import NOTHING, badge, join, quantity, table, tag
from dashboard.parts.pictures import data_uri, shot
from models.errors import UnusableInput
from models.generator.record import GeneratorRecord
from models.generator.schema import ParameterRange
from models.morphology import known_descriptors

TILE_PX = 128


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
        own_images(view)


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
