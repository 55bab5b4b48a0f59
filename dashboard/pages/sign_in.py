"""Signing in and out, and STOP: plain forms, which work without scripts and without a live connection."""

import secrets

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from campaigns.people import SignInRefused
from dashboard.desk import Desk
from dashboard.parts.frame import prefix_of, to_sign_in
from dashboard.parts.markup import tag
from dashboard.security import Visitor

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def form_routes(desk: Desk) -> APIRouter:
    """The forms that every page carries, and the page of the first of them."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in")
    def sign_in_page(request: Request, to: str = "/", ended: bool = False) -> Response:
        if desk.guard.settings.header:
            # A proxy has seen to it already: nobody types a password here.
            try:
                secret, _ = desk.guard.sign_in_by_proxy(request)
            except SignInRefused as refused:
                return _page(desk, request, to, str(refused), status=401)
            return _signed_in(desk, request, to, secret)
        return _page(desk, request, to, "Your session has ended; sign in again." if ended else "")

    @router.post("/sign-in")
    def sign_in(
        request: Request, name: str = Form(""), password: str = Form(""), to: str = Form("/")
    ) -> Response:
        try:
            secret, _ = desk.guard.sign_in(request, name, password)
        except SignInRefused as refused:
            return _page(desk, request, to, str(refused), name, status=401)
        return _signed_in(desk, request, to, secret)

    @router.post("/sign-out")
    def sign_out(request: Request, csrf: str = Form("")) -> Response:
        if _ours(desk, request, csrf) is not None:
            desk.guard.sign_out(request)
        answer = RedirectResponse(prefix_of(request) + "/sign-in", status_code=303)
        desk.guard.forget_cookie(answer)
        return answer

    @router.post("/stop")
    def stop(request: Request, csrf: str = Form(""), back: str = Form("/")) -> Response:
        visitor = _ours(desk, request, csrf)
        if visitor is None:
            return to_sign_in(request)
        desk.leave_word(visitor, desk.stop(visitor.person, "STOP on the dashboard"))
        return RedirectResponse(prefix_of(request) + _local(back), status_code=303)

    return router


def _signed_in(desk: Desk, request: Request, to: str, secret: str) -> Response:
    answer = RedirectResponse(prefix_of(request) + _local(to), status_code=303)
    desk.guard.set_cookie(answer, request, secret)
    return answer


def _ours(desk: Desk, request: Request, csrf: str) -> Visitor | None:
    """Who sent a form of ours; None when their session has ended. Errors: 403 for what is not our form."""
    visitor = desk.visitor(request)
    if visitor is not None and not secrets.compare_digest(visitor.csrf.encode(), csrf.encode()):
        raise HTTPException(403, "This is not a form of your session; load the page again.")
    return visitor


def _local(path: str) -> str:
    """A path of this dashboard, whatever a link asked for."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _page(
    desk: Desk, request: Request, to: str, told: str, name: str = "", status: int = 200
) -> HTMLResponse:
    nobody = not desk.people.people()
    form = tag(
        "form",
        tag("input", type="hidden", name="to", value=_local(to)),
        tag(
            "label",
            "Name",
            tag("input", name="name", value=name, autocomplete="username", required=True, autofocus=not name),
        ),
        tag(
            "label",
            "Password",
            tag(
                "input",
                name="password",
                type="password",
                autocomplete="current-password",
                required=True,
                autofocus=bool(name),
            ),
        ),
        tag("button", "Sign in", type="submit", class_="primary"),
        method="post",
        action=f"{prefix_of(request)}/sign-in",
    )
    first = tag(
        "div",
        "Nobody can sign in yet. Make the first administrator on this machine: ",
        tag("code", "morpholoop user add NAME --role admin"),
        class_="notice warn",
    )
    body = tag(
        "main",
        tag("h1", "morpholoop"),
        tag("p", told, class_="notice bad", role="alert") if told else None,
        first if nobody else None,
        form,
        tag(
            "p",
            "In an emergency you need no sign-in: use the hardware's own stop, or ",
            tag("code", "morpholoop lab stop LAB.yaml"),
            ".",
            class_="faint small",
        ),
        class_="sign-in",
    )
    head = Markup(
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    )
    style = tag("style", Markup(desk.style))
    page = Markup("<!doctype html>") + tag(
        "html", tag("head", head, tag("title", "Sign in · morpholoop"), style), tag("body", body), lang="en"
    )
    return HTMLResponse(page, status_code=status, headers=_HEADERS)
