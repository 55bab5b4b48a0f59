"""The tables of people. Times are ISO 8601 in UTC; no password or token is kept, only hashes of them.

Tables change only together with a migration in :mod:`campaigns.people.migrations`.
"""

from typing import Any

from sqlalchemy import JSON, Column, MetaData, Text
from sqlmodel import Field, SQLModel

from campaigns.ledger.tables import NAMING


class PeopleRow(SQLModel):
    """Base of all rows about people: they belong to the lab, simulated or not."""

    metadata = MetaData(naming_convention=NAMING)


class PersonRow(PeopleRow, table=True):
    """Somebody. ``password`` is an argon2id hash, None for those who come through a trusted proxy alone."""

    __tablename__ = "person"

    name: str = Field(primary_key=True)
    role: str
    password: str | None = Field(default=None, sa_type=Text)
    disabled: bool = False
    created_at: str
    updated_at: str


class TokenRow(PeopleRow, table=True):
    """A person's API token, by its SHA-256; ``label`` says what it is for."""

    __tablename__ = "token"

    id: int | None = Field(default=None, primary_key=True)
    person: str = Field(foreign_key="person.name", index=True)
    label: str
    sha256: str = Field(unique=True)
    created_at: str
    expires_at: str
    revoked_at: str | None = None


class SessionRow(PeopleRow, table=True):
    """A browser that somebody signed in with, by the SHA-256 of its cookie; gone when it is signed out."""

    __tablename__ = "session"

    sha256: str = Field(primary_key=True)
    person: str = Field(foreign_key="person.name", index=True)
    via: str
    created_at: str
    seen_at: str
    expires_at: str


class EventRow(PeopleRow, table=True):
    """What somebody did that no campaign's history tells; append-only, chained by ``hash``."""

    __tablename__ = "event"

    id: int | None = Field(default=None, primary_key=True)
    at: str = Field(index=True)
    author: str
    act: str
    subject: str = ""
    address: str = ""
    reason: str = Field(default="", sa_type=Text)
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    hash: str


class HeadRow(PeopleRow, table=True):
    """The head of the chain of events; a single row."""

    __tablename__ = "event_head"

    id: int = Field(default=1, primary_key=True)
    rows: int = 0
    hash: str = ""
