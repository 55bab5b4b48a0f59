"""Signing in and out, and one's own password."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from campaigns.people import MAY, Role, SignInRefused
from dashboard.api.access import Everybody, SignedIn
from dashboard.api.values import Answer, Body
from dashboard.security import Guard, Visitor

router = APIRouter(prefix="/session", tags=["session"])

Password = Annotated[str, Field(max_length=512)]


class _Secret(Body):
    # A password is what was typed, spaces included.
    model_config = ConfigDict(str_strip_whitespace=False)


class Credentials(_Secret):
    """Name and password."""

    name: Annotated[str, Field(max_length=64)]
    password: Password


class NewPassword(_Secret):
    """One's own password, and the one to take its place."""

    old: Password
    new: Password


class SessionAnswer(Answer):
    """Who is signed in, and what they may do; ``csrf`` goes into the header X-CSRF-Token of every change."""

    name: str
    role: Role
    via: str
    may: list[str]
    csrf: str


@router.post("")
def sign_in(request: Request, response: Response, body: Credentials) -> SessionAnswer:
    """Sign in with name and password; the session is in a cookie."""
    guard: Guard = request.app.state.guard
    secret, visitor = guard.sign_in(request, body.name, body.password)
    guard.set_cookie(response, request, secret)
    return _told(visitor)


@router.post("/proxy")
def sign_in_by_proxy(request: Request, response: Response) -> SessionAnswer:
    """Sign in as whom a trusted proxy names."""
    guard: Guard = request.app.state.guard
    secret, visitor = guard.sign_in_by_proxy(request)
    guard.set_cookie(response, request, secret)
    return _told(visitor)


@router.get("")
def who(visitor: SignedIn) -> SessionAnswer:
    """Who is signed in."""
    return _told(visitor)


@router.delete("", status_code=204)
def sign_out(request: Request, response: Response, visitor: SignedIn) -> None:
    """Sign out."""
    guard: Guard = request.app.state.guard
    guard.sign_out(request)
    guard.forget_cookie(response)


@router.put("/password", status_code=204)
def change_password(request: Request, visitor: SignedIn, people: Everybody, body: NewPassword) -> None:
    """Change one's own password; every session of this person ends."""
    if visitor.person.via == "token":
        raise SignInRefused("A token cannot change the password; sign in with the password.")
    guard: Guard = request.app.state.guard
    people.by_password(visitor.person.name, body.old, address=guard.address(request))
    people.set_password(visitor.person.name, body.new, by=visitor.person.name)


def _told(visitor: Visitor) -> SessionAnswer:
    person = visitor.person
    may = sorted(act.name.lower() for act in MAY[person.role])
    return SessionAnswer(name=person.name, role=person.role, via=person.via, may=may, csrf=visitor.csrf)
