"""Signing in with name and password; wrong attempts are counted in the events, which every process sees."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlmodel import col, func, select

from campaigns.ledger.store import iso
from campaigns.people.errors import SignInRefused, TooManyAttempts
from campaigns.people.passwords import LONGEST, hashed, matches, outdated
from campaigns.people.roles import Person, Role
from campaigns.people.tables import EventRow, PersonRow
from campaigns.people.tokens import Tokens

REFUSED, GOOD = "sign-in refused", "signed in"

WINDOW = timedelta(minutes=15)
PER_NAME_AND_ADDRESS, PER_ADDRESS, PER_NAME = 5, 30, 50
"""Wrong attempts within the window after which no other is looked at.

Few for one name from one address; more for one name from all of them, so that a stranger cannot easily
keep somebody out.
"""

_room, _door = threading.BoundedSemaphore(8), threading.Lock()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """One attempt after the other in this process, so that a crowd is counted; few may wait.

    A crowd at the door must not keep the threads busy that somebody needs for STOP.
    Errors: :class:`TooManyAttempts`.
    """
    if not _room.acquire(blocking=False):
        raise TooManyAttempts(60)
    try:
        with _door:
            yield
    finally:
        _room.release()


class SignIn(Tokens):
    """Telling who somebody is by their password."""

    def by_password(self, name: str, password: str, *, address: str) -> Person:
        """Who this is. ``address`` is where it comes from (an IP address, or ``terminal``).

        Errors: :class:`SignInRefused`, :class:`TooManyAttempts`.
        """
        # Cut: what is typed into the wrong field must not fill the events.
        known, where = name.strip().casefold()[:64], address[:64]
        with _one_at_a_time():
            self._check_attempts(known, where)
            with self._read() as session:
                row = session.get(PersonRow, known)
            right = len(password) <= LONGEST and matches(password, row.password if row else None)
            if row is None or not right or row.disabled:
                self.note(REFUSED, author=known, subject=known, address=where)
                raise SignInRefused("The name or the password is wrong.")
        if row.password is not None and outdated(row.password):
            with self._write() as session:
                self._change(session, row.name, password=hashed(password))
        self.note(GOOD, author=row.name, subject=row.name, address=where, facts={"via": "password"})
        return Person(row.name, Role(row.role), "password")

    def by_proxy(self, name: str, *, address: str) -> Person:
        """Somebody whom a trusted proxy has vouched for.

        Errors: :class:`SignInRefused`, :class:`TooManyAttempts`.
        """
        known = name.strip().casefold()[:64]
        self._check_attempts(known, address)
        with self._read() as session:
            row = session.get(PersonRow, known)
        if row is None or row.disabled:
            self.note(REFUSED, author=known, subject=known, address=address, facts={"via": "proxy"})
            raise SignInRefused(f"{known} is not known here; have an administrator add them.")
        self.note(GOOD, author=row.name, subject=row.name, address=address, facts={"via": "proxy"})
        return Person(row.name, Role(row.role), "proxy")

    def _check_attempts(self, name: str, address: str) -> None:
        since = self._now() - WINDOW
        with self._read() as session:
            good = session.exec(
                select(func.max(EventRow.at)).where(
                    EventRow.act == GOOD, EventRow.subject == name, EventRow.address == address
                )
            ).one()
            wrong = select(func.count(), func.min(EventRow.at)).where(EventRow.act == REFUSED)
            here = wrong.where(
                EventRow.subject == name,
                EventRow.address == address,
                EventRow.at > max(iso(since), good or ""),
            )
            elsewhere = wrong.where(col(EventRow.at) > iso(since))
            counts = (
                (PER_NAME_AND_ADDRESS, session.exec(here).one()),
                (PER_ADDRESS, session.exec(elsewhere.where(EventRow.address == address)).one()),
                (PER_NAME, session.exec(elsewhere.where(EventRow.subject == name)).one()),
            )
        for most, (count, first) in counts:
            if count >= most:
                until = datetime.fromisoformat(first) + WINDOW
                raise TooManyAttempts(max(1, int((until - self._now()).total_seconds()) + 1))
