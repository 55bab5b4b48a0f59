"""API tokens: shown once, kept as a hash, with a label and an end."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col, select

from campaigns.ledger.store import iso
from campaigns.people.directory import Directory
from campaigns.people.errors import NoSuchPerson, SignInRefused
from campaigns.people.roles import Person, Role
from campaigns.people.tables import PersonRow, TokenRow
from models.errors import UnusableInput

PREFIX = "mlt_"
LONGEST_DAYS = 366


@dataclass(frozen=True)
class TokenRecord:
    """A token by its label; the token itself is shown when it is made, and never again."""

    id: int
    person: str
    label: str
    created_at: str
    expires_at: str
    revoked_at: str | None


class Tokens(Directory):
    """Making, showing and revoking tokens, and knowing who sends one."""

    def add_token(self, name: str, label: str, *, days: int = 90, by: str) -> tuple[str, TokenRecord]:
        """A new token of a person and its record. Errors: :class:`NoSuchPerson`, :class:`UnusableInput`."""
        told = label.strip()
        if not 1 <= len(told) <= 100 or not told.isprintable():
            raise UnusableInput("A token needs a label of 1 to 100 characters that says what it is for.")
        if not 1 <= days <= LONGEST_DAYS:
            raise UnusableInput(f"A token ends after 1 to {LONGEST_DAYS} days, not {days}.")
        token = PREFIX + secrets.token_urlsafe(32)
        with self._write() as session:
            person = self._person_row(session, name)
            if person.disabled:
                raise UnusableInput(f"{person.name} is disabled and gets no token; enable them first.")
            now = self._now()
            row = TokenRow(
                person=person.name,
                label=told,
                sha256=digest(token),
                created_at=iso(now),
                expires_at=iso(now + timedelta(days=days)),
            )
            session.add(row)
            session.flush()
            facts = {"token": row.id, "label": told, "expires_at": row.expires_at}
            self.note("token made", author=by, subject=person.name, facts=facts)
            return token, _record(row)

    def tokens(self, name: str | None = None) -> tuple[TokenRecord, ...]:
        """The tokens of a person, or of everybody, the oldest first."""
        query = select(TokenRow).order_by(col(TokenRow.id))
        if name is not None:
            query = query.where(TokenRow.person == self.person(name).name)
        with self._read() as session:
            return tuple(_record(row) for row in session.exec(query))

    def revoke_token(self, token_id: int, *, by: str) -> TokenRecord:
        """End a token now. Errors: :class:`NoSuchPerson` when there is no such token."""
        with self._write() as session:
            row = session.get(TokenRow, token_id)
            if row is None:
                raise NoSuchPerson(
                    f"There is no token {token_id}; `morpholoop user list` shows those there are."
                )
            if row.revoked_at is None:
                row.revoked_at = self._at()
                session.flush()
                facts = {"token": row.id, "label": row.label}
                self.note("token revoked", author=by, subject=row.person, facts=facts)
            return _record(row)

    def by_token(self, token: str) -> Person:
        """Who sends this token. Errors: :class:`SignInRefused`."""
        query = select(TokenRow, PersonRow).where(
            TokenRow.person == PersonRow.name, TokenRow.sha256 == digest(token)
        )
        with self._read() as session:
            found = session.exec(query).first()
        if found is not None:
            row, person = found
            if row.revoked_at is None and self._at() < row.expires_at and not person.disabled:
                return Person(person.name, Role(person.role), "token")
        raise SignInRefused("The token is not known, has ended or was revoked; have a new one made.")


def digest(secret: str) -> str:
    """What is kept of a secret that is long and random: its SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _record(row: TokenRow) -> TokenRecord:
    assert row.id is not None
    return TokenRecord(row.id, row.person, row.label, row.created_at, row.expires_at, row.revoked_at)
