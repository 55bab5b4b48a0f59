"""Cards that keep up with what they show: rebuilt when that has changed, and only then."""

from asyncio import to_thread
from collections.abc import Awaitable, Callable
from typing import TypeVar

from markupsafe import Markup
from nicegui import ui

Value = TypeVar("Value")

EVERY_S = 2.0
"""How often a page looks whether anything has changed, in seconds."""


class Live:
    """The live parts of one page in one browser; ``read`` runs in a thread, what shows it on the event loop.

    A card that is rebuilt under a finger swallows the click: so nothing is touched that has not changed.
    """

    def __init__(self) -> None:
        self._looks: list[Callable[[], Awaitable[None]]] = []
        self.timer: ui.timer | None = None

    async def markup(self, read: Callable[[], Markup], class_: str = "") -> ui.html:
        """A piece of HTML that is sent again when it has changed."""
        shown = await to_thread(read)
        element = ui.html(shown or "", sanitize=False).classes(class_)

        async def look() -> None:
            now = await to_thread(read)
            if now != element.content:
                element.set_content(now or "")

        self._looks.append(look)
        return element

    async def card(self, read: Callable[[], Markup], class_: str = "") -> ui.html:
        """The same in a card of its own."""
        return await self.markup(read, f"card {class_}")

    async def rebuilt(
        self,
        read: Callable[[], Value],
        build: Callable[[Value], None],
        *,
        key: Callable[[Value], object] = lambda value: value,
    ) -> None:
        """Elements that are built from a value, anew when the ``key`` of it has changed."""
        first = await to_thread(read)
        last = key(first)
        place = ui.element("div")
        with place:
            build(first)

        async def look() -> None:
            nonlocal last
            now = await to_thread(read)
            if key(now) != last:
                last = key(now)
                place.clear()
                with place:
                    build(now)

        self._looks.append(look)

    async def watched(self, read: Callable[[], Value], told: Callable[[Value], None]) -> None:
        """Call ``told`` now, and when what is read has changed."""
        last = await to_thread(read)
        told(last)

        async def look() -> None:
            nonlocal last
            now = await to_thread(read)
            if now != last:
                last = now
                told(now)

        self._looks.append(look)

    def first(self, look: Callable[[], Awaitable[None]]) -> None:
        """Something to look at before all cards, each time."""
        self._looks.insert(0, look)

    def start(self) -> None:
        """Begin to look; once the page is built."""
        self.timer = ui.timer(EVERY_S, self.look, immediate=False)

    async def look(self) -> None:
        """Look at everything once."""
        for look in list(self._looks):
            if self.timer is not None and not self.timer.active:
                return
            await look()

    def stop(self) -> None:
        """Look no more, as after a session has ended."""
        if self.timer is not None:
            self.timer.deactivate()
