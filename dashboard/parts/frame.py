"""What is around every page: navigation, STOP, who is signed in, what is simulated, and the live clock."""

import inspect
import time
from asyncio import to_thread
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from nicegui import ui

from campaigns.people import Act, Person
from dashboard.desk import REFUSALS, Desk
from dashboard.parts.live import Live
from dashboard.parts.markup import join, link, tag
from dashboard.reading.recent import Recent, Value
from dashboard.security import Visitor

PLACES = (
    ("lab", "Lab", Act.READ),
    ("campaigns", "Campaigns", Act.READ),
    ("approvals", "Approvals", Act.READ),
    ("micrographs", "Micrographs", Act.READ),
    ("models", "Models", Act.READ),
    ("explore", "Explore", Act.EXPLORE),
    ("audit", "Audit", Act.AUDIT),
    ("people", "People", Act.PEOPLE),
)
"""Path, name, and what somebody must be allowed to do to see it in the navigation."""

Build = Callable[..., Awaitable[Response | None]]


class Page(Live):
    """One page in one browser: who looks at it, and what is live on it."""

    def __init__(self, desk: Desk, visitor: Visitor, request: Request, title: str, here: str) -> None:
        super().__init__(partial(stamp_of, desk))
        self.desk, self.visitor, self.request = desk, visitor, request
        self.title, self.here = title, here
        self.prefix = prefix_of(request)
        self._client = ui.context.client
        self._strip = ui.html("", sanitize=False)
        self._recent: list[Recent[Any]] = []

    def recent(self, read: Callable[[], Value]) -> Recent[Value]:
        """What several cards show parts of, read once for all; anew after the person did something."""
        found = Recent(read, kept_s=0.8)
        self._recent.append(found)
        return found

    def url(self, path: str) -> str:
        """A path of the dashboard as this browser has to ask for it (behind a proxy it has a prefix)."""
        return self.prefix + path

    def may(self, act: Act) -> bool:
        """Whether the person may do something; what may be pressed is decided again where it is done."""
        return self.visitor.person.may(act)

    def say(self, text: str, *, good: bool = True) -> None:
        """Tell the person what came of what they did."""
        kind: Literal["positive", "negative"] = "positive" if good else "negative"
        # The button that was pressed may be gone by now, and with it the place that we were in.
        with self._client:
            ui.notify(text, type=kind, timeout=6000, close_button="Close", multi_line=True)

    def go(self, path: str) -> None:
        """Go to another page of the dashboard."""
        with self._client:
            ui.navigate.to(path)

    async def do(self, act: Callable[[Person], str]) -> bool:
        """Do what the person asked for, in a thread, and tell them what came of it; whether it was done.

        Who they are is looked up anew: a session may have ended since the page was opened.
        """
        try:
            told = await to_thread(lambda: act(self.desk.guard.visitor(self.request).person))
        except REFUSALS as refused:
            self.say(str(refused), good=False)
            return False
        finally:
            self.desk.source.changed()
            for one in self._recent:
                one.forget()
        self.say(told or "Done.")
        await self.look(everything=True)
        return True

    def trouble(self, text: str) -> None:
        """Show why the page does not keep up."""
        told = f"✕ What you see may be old: {text}"
        self._strip.set_content(tag("div", told, class_="strip bad", role="alert") if text else "")

    def head(self, title: object, *beside: object) -> None:
        """The page's heading."""
        ui.html(tag("div", tag("h1", title), *beside, class_="head"), sanitize=False)

    async def simulated(self, shown: Callable[[], bool]) -> None:
        """The banner of what is simulated, for as long as anything shown is."""
        await self.markup(lambda: SIMULATED if shown() else Markup(""), always=True)


SIMULATED = tag(
    "div",
    "SIMULATED — what is shown here comes from a simulated lab, not from a reactor.",
    class_="strip simulated",
    role="note",
)


def page(
    desk: Desk, path: str, title: str, *, here: str = "", needs: Act = Act.READ
) -> Callable[[Build], Build]:
    """A page for people who are signed in and may do what it ``needs``; everybody else is sent to sign in.

    What is decorated gets the :class:`Page` and the parameters of the path and the query.
    """

    def register(build: Build) -> Build:
        async def shown(request: Request, **given: Any) -> Response | None:
            visitor = await to_thread(desk.visitor, request)
            if visitor is None:
                return to_sign_in(request)
            view = Page(desk, visitor, request, title, here)
            await _around(view)
            with ui.element("div").classes("page").props('id="main"'):
                if not view.may(needs):
                    view.head(title)
                    ui.html(
                        tag("p", "Your role does not allow this page; an administrator can change it."),
                        sanitize=False,
                    )
                    return None
                try:
                    answer = await build(view, **given)
                except REFUSALS as error:
                    ui.html(tag("div", f"✕ {error}", class_="notice bad", role="alert"), sanitize=False)
                    return None
            if answer is None:
                view.start()
            return answer

        own = [p for name, p in inspect.signature(build).parameters.items() if name != "view"]
        first = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
        shown.__signature__ = inspect.Signature([first, *own])  # type: ignore[attr-defined]
        ui.page(path, title=f"{title} · morpholoop", response_timeout=20.0)(shown)
        return build

    return register


def stamp_of(desk: Desk) -> object:
    """Equal while nothing is written, for half a minute at most: times are told as spans, too."""
    return desk.source.stamp(), int(time.monotonic() / 30)


def prefix_of(request: Request) -> str:
    """What a reverse proxy puts before every path; nothing where what it says is no path."""
    told = request.headers.get("x-forwarded-prefix", "") + str(request.scope.get("root_path", ""))
    prefix = told.rstrip("/")
    return prefix if prefix.startswith("/") and not prefix.startswith(("//", "/\\")) else ""


def path_of(request: Request) -> str:
    """The path within the dashboard, without what a reverse proxy puts before it."""
    return request.url.path.removeprefix(str(request.scope.get("root_path", ""))) or "/"


def to_sign_in(request: Request) -> Response:
    """Off to sign in, and back to where they wanted to go."""
    wanted = quote(path_of(request), safe="/")
    return RedirectResponse(f"{prefix_of(request)}/sign-in?to={wanted}", status_code=303)


async def _around(view: Page) -> None:
    desk = view.desk
    ui.colors(primary="#1a6480", positive="#1f7a45", negative="#b3261e", warning="#8a5a08")
    ui.add_css(desk.style)
    ui.html(tag("a", "Skip to the content", href="#main", class_="skip"), sanitize=False)

    def bar() -> Markup:
        waiting = len(desk.source.waiting())
        return _bar(view, waiting)

    await view.markup(bar, "held")
    await view.markup(lambda: join(_stopped(view)), always=True)
    word = desk.word_for(view.visitor)
    if word:
        ui.html(tag("div", word, class_="strip told", role="status"), sanitize=False)

    async def still_signed_in() -> None:
        if await to_thread(lambda: desk.visitor(view.request, seen=False)) is None:
            view.stop()
            view.go("/sign-in?ended=1")

    view.first(still_signed_in)


def _bar(view: Page, waiting: int) -> Markup:
    links = []
    for path, name, needs in PLACES:
        if not view.may(needs):
            continue
        count = (
            tag("span", waiting, class_="count", title=f"{waiting} wait")
            if path == "approvals" and waiting
            else None
        )
        links.append(
            tag(
                "a",
                name,
                " " if count else None,
                count,
                href=view.url(f"/{path}"),
                aria_current="page" if path == view.here else None,
            )
        )
    hidden = tag("input", type="hidden", name="csrf", value=view.visitor.csrf)
    back = tag("input", type="hidden", name="back", value=path_of(view.request))
    stop = tag(
        "form",
        hidden,
        back,
        tag("button", "STOP", type="submit", class_="stop", title="Stop every lab now", accesskey="s"),
        method="post",
        action=view.url("/stop"),
    )
    out = tag(
        "form",
        hidden,
        tag("button", "Sign out", type="submit", class_="plain"),
        method="post",
        action=view.url("/sign-out"),
    )
    name = tag(
        "span", view.visitor.person.name, " ", tag("span", view.visitor.person.role, class_="faint small")
    )
    return tag(
        "header",
        link("morpholoop", view.url("/"), "brand"),
        tag("nav", *links, aria_label="Pages"),
        tag("div", name, out, stop, class_="who"),
        class_="bar",
    )


def _stopped(view: Page) -> list[Markup]:
    return [
        tag(
            "div",
            f"STOPPED: {order.told()}. Nothing starts until this is taken back on the page ",
            link("Lab", view.url("/lab")),
            ".",
            class_="strip stopped",
            role="alert",
        )
        for order in view.desk.orders()
    ]
