"""A person at a page, without a browser: NiceGUI's own simulated user, signed in as somebody."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
from nicegui import core, ui
from nicegui.functions.download import download
from nicegui.functions.navigate import Navigate
from nicegui.functions.notify import notify
from nicegui.testing import User
from nicegui.testing.general import nicegui_reset_globals, prepare_simulation

from campaigns.people import Person, Role
from dashboard.desk import Desk
from dashboard.pages import register
from dashboard.security import COOKIE

Visit = Callable[[str], User]


def session_of(desk: Desk, role: Role, name: str | None = None) -> str:
    """The cookie of a new session of somebody in a role, who is added if need be."""
    who = name or f"the-{role}"
    if who not in {one.name for one in desk.people.people()}:
        desk.people.add(who, role, None, by="test")
    secret, _ = desk.people.open_session(Person(who, role, "password"))
    return secret


@asynccontextmanager
async def pages(desk: Desk) -> AsyncIterator[Visit]:
    """The pages of a desk; what comes out makes a visitor of a session's cookie."""
    with nicegui_reset_globals():
        os.environ["NICEGUI_USER_SIMULATION"] = "true"
        clients = []
        try:
            prepare_simulation()
            register(desk)
            async with core.app.router.lifespan_context(core.app):

                def visitor(secret: str) -> User:
                    transport = httpx.ASGITransport(core.app)
                    clients.append(
                        httpx.AsyncClient(
                            transport=transport, base_url="http://test", cookies={COOKIE: secret}
                        )
                    )
                    return User(clients[-1])

                yield visitor
                for client in clients:
                    await client.aclose()
        finally:
            os.environ.pop("NICEGUI_USER_SIMULATION", None)
            ui.navigate, ui.notify, ui.download = Navigate(), notify, download


def visit(desk: Desk, story: Callable[[Visit], Awaitable[None]]) -> None:
    """Play a story in the pages of a desk."""

    async def play() -> None:
        async with pages(desk) as visitor:
            await story(visitor)

    asyncio.run(play())
