"""Sessions: a browser that is signed in, known by a random cookie of which only the hash is kept."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import col, select

from campaigns.ledger.store import iso
from campaigns.people.errors import SignInRefused
from campaigns.people.roles import Person, Role
from campaigns.people.signin import SignIn
from campaigns.people.tables import PersonRow, SessionRow
from campaigns.people.tokens import digest

IDLE = timedelta(hours=1)
LONGEST = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is kept when somebody was last seen: not every request is worth a write."""


@dataclass(frozen=True)
class SessionRecord:
    """Somebody who is signed in until ``expires_at`` at the latest; ``csrf`` proves that our own page asks.

    ``vouched`` says how they signed in: by ``password`` or ``proxy``.
    """

    person: Person
    vouched: str
    csrf: str
    expires_at: str


class Sessions(SignIn):
    """Opening, continuing and ending sessions."""

    def open_session(self, person: Person) -> tuple[str, SessionRecord]:
        """A session of somebody who has just signed in: the cookie's secret, and the record."""
        secret, now = secrets.token_urlsafe(32), self._now()
        with self._write() as session:
            session.execute(
                delete(SessionRow)
                .where(col(SessionRow.expires_at) <= iso(now))
                .execution_options(synchronize_session=False)
            )
            row = SessionRow(
                sha256=digest(secret),
                person=person.name,
                via=person.via,
                created_at=iso(now),
                seen_at=iso(now),
                expires_at=iso(now + LONGEST),
            )
            session.add(row)
            session.flush()
            return secret, _record(secret, row, person.role)

    def by_session(self, secret: str, *, seen: bool = True) -> SessionRecord:
        """Who is signed in by this secret, in the role that they have now; ``seen``: it was they who asked.

        Errors: :class:`SignInRefused` when it has ended: signed out, too long idle, or too long in all.
        """
        query = select(SessionRow, PersonRow).where(
            SessionRow.person == PersonRow.name, SessionRow.sha256 == digest(secret)
        )
        with self._read() as session:
            found = session.exec(query).first()
        now = self._now()
        if found is None:
            raise SignInRefused("Nobody is signed in here; sign in first.")
        row, person = found
        idle = now - datetime.fromisoformat(row.seen_at)
        if person.disabled or iso(now) >= row.expires_at or idle >= IDLE:
            raise SignInRefused("The session has ended; sign in again.")
        if seen and idle >= SEEN_EVERY:
            with self._write() as session:
                kept = session.get(SessionRow, row.sha256)
                if kept is not None:
                    kept.seen_at = iso(now)
        return _record(secret, row, Role(person.role))

    def close_session(self, secret: str, *, address: str = "") -> None:
        """Sign out; a session that has ended already is none of ours."""
        with self._write() as session:
            row = session.get(SessionRow, digest(secret))
            if row is not None:
                session.delete(row)
                session.flush()
                self.note("signed out", author=row.person, subject=row.person, address=address)


def csrf_token(secret: str) -> str:
    """What our own pages send back with every change: nobody can tell it without the cookie."""
    return hmac.new(secret.encode(), b"morpholoop csrf", hashlib.sha256).hexdigest()


def _record(secret: str, row: SessionRow, role: Role) -> SessionRecord:
    return SessionRecord(Person(row.person, role, "session"), row.via, csrf_token(secret), row.expires_at)
