from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.people import People

PASSWORD = "seven samples of grey powder"


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_(self, **span: float) -> None:
        self.time += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def system(request) -> str:
    """The database system; SQLite where a test does not ask for both."""
    return getattr(request, "param", "sqlite")


on_both = pytest.mark.parametrize(
    "system", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture
def people(request, system: str, home: Path, clock: Clock, monkeypatch) -> Iterator[People]:
    """The people of a new lab; their hashes cost nothing here."""
    from argon2 import PasswordHasher

    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr("campaigns.people.passwords._hasher", cheap)
    monkeypatch.setattr("campaigns.people.passwords._NOBODY", cheap.hash("nobody knows this one"))
    if system == "postgresql":
        server = request.getfixturevalue("postgresql")
        monkeypatch.setenv("MORPHOLOOP_DATABASE_URL", str(server.url(server.database())))
    with People.open(home, now=clock) as opened:
        yield opened


@pytest.fixture
def kim(people: People) -> str:
    people.add("kim", "operator", PASSWORD, by="ann")
    return "kim"
