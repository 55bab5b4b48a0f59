"""The operator's window: pages, forms and pictures over one state directory, in one ASGI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response

from dashboard.api import create_api
from dashboard.desk import Desk
from dashboard.pages.sign_in import form_routes
from dashboard.parts.frame import to_sign_in
from dashboard.parts.pictures import picture_routes
from dashboard.reports import report_page
from dashboard.security_headers import SecurityHeaders
from models.errors import UnusableInput


def create_app(home: Path) -> FastAPI:
    """The dashboard over a state directory; both kinds of lab are shown, and said.

    NiceGUI keeps its pages for the whole process, so there is one dashboard a process.
    """
    from nicegui import ui

    from dashboard.pages import register

    desk = Desk(home)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        resting = asyncio.create_task(_rest(desk))
        yield
        resting.cancel()
        desk.close()

    app = FastAPI(title="morpholoop", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.desk = desk
    add_routes(app, desk)
    api = create_api(home, people=desk.people, guard=desk.guard, acts=desk.acts, worker=desk.worker)
    app.mount("/api/v1", api)
    register(desk)
    ui.run_with(
        app,
        title="morpholoop",
        language="en-US",
        tailwind=False,
        show_welcome_message=False,
        # A tablet that was out of reach for a moment goes on; one that slept loads the page again.
        reconnect_timeout=10.0,
        message_history_length=100,
    )
    return app


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Everything but the live pages: forms, pictures and reports, with the headers that all answers carry."""
    app.add_middleware(SecurityHeaders)
    app.include_router(form_routes(desk))
    app.include_router(picture_routes(desk))

    @app.get("/campaigns/{campaign_id}/report", include_in_schema=False)
    async def campaign_report(request: Request, campaign_id: str) -> Response:
        """A campaign's report, which loads nothing: as it stands, or as it was written at the end."""
        if await asyncio.to_thread(desk.visitor, request) is None:
            return to_sign_in(request)
        try:
            _, record = await asyncio.to_thread(desk.source.campaign, campaign_id)
            return await report_page(desk.worker, desk.home, record)
        except UnusableInput as error:
            raise HTTPException(404, str(error)) from error


async def _rest(desk: Desk) -> None:
    """Once in a while, let what is idle go."""
    while True:
        await asyncio.sleep(60)
        await asyncio.to_thread(desk.worker.rest)
