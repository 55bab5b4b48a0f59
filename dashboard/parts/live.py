"""Cards that keep up with what they show: rebuilt when that has changed, and only then."""

from asyncio import to_thread
from collections.abc import Awaitable, Callable
from typing import TypeVar

from markupsafe import Markup
from nicegui import ui

from dashboard.desk import REFUSALS

Value = TypeVar("Value")
Look = Callable[[], Awaitable[None]]

EVERY_S = 2.0
"""How often a page looks whether anything has changed, in seconds."""


class Live:
    """The live parts of one page in one browser; ``read`` runs in a thread, what shows it on the event loop.

    A card that is rebuilt under a finger swallows the click: so nothing is touched that has not changed. And
    nothing is read again while ``stamp`` stays what it was, but what is asked for ``always``: things that no
    ledger tells of.
    """

    def __init__(self, stamp: Callable[[], object]) -> None:
        self._stamp = stamp
        self._seen: object = object()
        self._always: list[Look] = []
        self._looks: list[Look] = []
        self._trouble = ""
        self.timer: ui.timer | None = None

    async def markup(self, read: Callable[[], Markup], class_: str = "", *, always: bool = False) -> ui.html:
        """A piece of HTML that is sent again when it has changed."""
        element = ui.html(await to_thread(read), sanitize=False).classes(class_)

        async def look() -> None:
            now = await to_thread(read)
            if now != element.content:
                element.set_content(now)

        self._add(look, always)
        return element

    async def card(self, read: Callable[[], Markup], class_: str = "", *, always: bool = False) -> ui.html:
        """The same in a card of its own."""
        return await self.markup(read, f"card {class_}", always=always)

    async def rebuilt(
        self,
        read: Callable[[], Value],
        build: Callable[[Value], None],
        *,
        key: Callable[[Value], object] = lambda value: value,
        always: bool = False,
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

        self._add(look, always)

    async def watched(self, read: Callable[[], Value], told: Callable[[Value], None]) -> None:
        """Call ``told`` when what is read has changed; it was shown once already."""
        last = await to_thread(read)

        async def look() -> None:
            nonlocal last
            now = await to_thread(read)
            if now != last:
                last = now
                told(now)

        self._add(look, False)

    def first(self, look: Look) -> None:
        """Something to look at before all cards, each time."""
        self._always.insert(0, look)

    def start(self) -> None:
        """Begin to look; once the page is built."""
        self.timer = ui.timer(EVERY_S, self.look, immediate=False)

    async def look(self, *, everything: bool = False) -> None:
        """Look once, at ``everything`` or at what may have changed; a database that is away is told."""
        try:
            await self._look(everything=everything)
        except REFUSALS as error:
            self._tell(str(error))
        else:
            self._tell("")

    def trouble(self, text: str) -> None:
        """Show why the page does not keep up; an empty text when it does again."""

    def _tell(self, text: str) -> None:
        if text != self._trouble:
            self._trouble = text
            self.trouble(text)

    async def _look(self, *, everything: bool) -> None:
        for one in list(self._always):
            if self._stopped:
                return
            await one()
        stamp = await to_thread(self._stamp)
        if stamp == self._seen and not everything:
            return
        for one in list(self._looks):
            if self._stopped:
                return
            await one()
        self._seen = stamp

    def stop(self) -> None:
        """Look no more, as after a session has ended."""
        if self.timer is not None:
            self.timer.deactivate()

    @property
    def _stopped(self) -> bool:
        return self.timer is not None and not self.timer.active

    def _add(self, look: Look, always: bool) -> None:
        (self._always if always else self._looks).append(look)
