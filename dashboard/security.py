"""Who is at the other end of a request: a session's cookie, an API token, or a proxy that is trusted."""

import ipaddress
import os
import secrets
from dataclasses import dataclass
from typing import Self

from starlette.requests import HTTPConnection
from starlette.responses import Response

from campaigns.people import NotAllowed, People, Person, SignInRefused
from campaigns.people.sessions import LONGEST, csrf_token
from models.errors import UnusableInput

COOKIE = "morpholoop_session"
CSRF_HEADER = "X-CSRF-Token"
PROXIES_VARIABLE, HEADER_VARIABLE = "MORPHOLOOP_TRUSTED_PROXIES", "MORPHOLOOP_PROXY_HEADER"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Settings:
    """Which proxies are believed: what they say of the client's address and, by ``header``, of its name.

    Without any, the default, such headers are ignored.
    """

    proxies: tuple[Network, ...] = ()
    header: str = ""

    @classmethod
    def from_environment(cls) -> Self:
        """From ``MORPHOLOOP_TRUSTED_PROXIES`` (addresses, networks) and ``MORPHOLOOP_PROXY_HEADER``.

        Errors: :class:`UnusableInput`.
        """
        given = [part.strip() for part in os.environ.get(PROXIES_VARIABLE, "").split(",") if part.strip()]
        try:
            proxies = tuple(ipaddress.ip_network(part) for part in given)
        except ValueError as error:
            raise UnusableInput(
                f"{PROXIES_VARIABLE} has no list of addresses ({error}); e.g. 127.0.0.1,10.1.0.0/16."
            ) from error
        header = os.environ.get(HEADER_VARIABLE, "").strip()
        if header and not proxies:
            raise UnusableInput(
                f"{HEADER_VARIABLE} is set but {PROXIES_VARIABLE} is not, so anybody could send that header; "
                "name the proxy's address."
            )
        return cls(proxies, header)

    def trusts(self, address: str) -> bool:
        """Whether a request from this address comes from a trusted proxy."""
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self.proxies)


class NotOurPage(NotAllowed):
    """A browser asks for a change without the proof that one of our own pages wants it."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in; ``csrf`` is what their browser sends back with every change.

    It is empty for those who come with a token: a browser never sends that by itself.
    """

    person: Person
    csrf: str = ""


class Guard:
    """Tells who asks, lets people in and out; every answer is as of now, so that a disabled person is out."""

    def __init__(self, people: People, settings: Settings | None = None) -> None:
        self.people = people
        self.settings = settings if settings is not None else Settings.from_environment()

    def visitor(self, connection: HTTPConnection, *, seen: bool = True) -> Visitor:
        """Who asks. ``seen``: it was they who asked, and not their page by itself.

        Errors: :class:`SignInRefused` when it is nobody.
        """
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        if kind:
            if kind.lower() != "bearer":
                raise SignInRefused("Authorization takes a bearer token: `Authorization: Bearer TOKEN`.")
            return Visitor(self.people.by_token(token.strip()))
        secret = connection.cookies.get(COOKIE)
        if not secret:
            raise SignInRefused("Nobody is signed in here; sign in first.")
        record = self.people.by_session(secret, seen=seen)
        if record.vouched == "proxy" and self._named(connection) != record.person.name:
            raise SignInRefused("The proxy no longer names the person who signed in; sign in again.")
        return Visitor(record.person, record.csrf)

    def check_csrf(self, connection: HTTPConnection, visitor: Visitor) -> None:
        """Errors: :class:`NotOurPage` when a browser asks for a change, but none of our pages does."""
        sent = connection.headers.get(CSRF_HEADER, "")
        if visitor.csrf and not secrets.compare_digest(sent.encode(), visitor.csrf.encode()):
            raise NotOurPage(
                f"The header {CSRF_HEADER} is missing or not this session's; load the page again."
            )

    def sign_in(self, connection: HTTPConnection, name: str, password: str) -> tuple[str, Visitor]:
        """The cookie's secret and the visitor. Errors: :class:`SignInRefused`, :class:`TooManyAttempts`."""
        return self._opened(self.people.by_password(name, password, address=self.address(connection)))

    def sign_in_by_proxy(self, connection: HTTPConnection) -> tuple[str, Visitor]:
        """The same for somebody whom a trusted proxy names. Errors: :class:`SignInRefused`."""
        name = self._named(connection)
        if not name:
            raise SignInRefused("No trusted proxy names anybody in this request; sign in with a password.")
        return self._opened(self.people.by_proxy(name, address=self.address(connection)))

    def sign_out(self, connection: HTTPConnection) -> None:
        """End the session of this browser."""
        secret = connection.cookies.get(COOKIE)
        if secret:
            self.people.close_session(secret, address=self.address(connection))

    def address(self, connection: HTTPConnection) -> str:
        """Where a request comes from; the proxies that are trusted say it for those behind them."""
        address = connection.client.host if connection.client else "unknown"
        forwarded = connection.headers.get("x-forwarded-for", "").split(",")
        for hop in reversed([part.strip() for part in forwarded if part.strip()]):
            if not self.settings.trusts(address):
                break
            address = hop
        return address

    def set_cookie(self, response: Response, connection: HTTPConnection, secret: str) -> None:
        """Have the browser keep the session, out of reach of scripts and other sites."""
        response.set_cookie(
            COOKIE,
            secret,
            max_age=int(LONGEST.total_seconds()),
            path="/",
            secure=self._encrypted(connection),
            httponly=True,
            samesite="strict",
        )

    def forget_cookie(self, response: Response) -> None:
        """Have the browser forget the session."""
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")

    def _opened(self, person: Person) -> tuple[str, Visitor]:
        secret, record = self.people.open_session(person)
        return secret, Visitor(record.person, csrf_token(secret))

    def _named(self, connection: HTTPConnection) -> str:
        direct = connection.client.host if connection.client else ""
        if not self.settings.header or not self.settings.trusts(direct):
            return ""
        return connection.headers.get(self.settings.header, "").strip().casefold()

    def _encrypted(self, connection: HTTPConnection) -> bool:
        direct = connection.client.host if connection.client else ""
        if self.settings.trusts(direct) and "x-forwarded-proto" in connection.headers:
            return connection.headers["x-forwarded-proto"].strip().lower() == "https"
        return connection.url.scheme in ("https", "wss")
