"""The people of a lab as others open them."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from campaigns.ledger.engine import connect_to, is_url
from campaigns.ledger.ledger import URL_VARIABLE
from campaigns.ledger.store import Now, utc_now
from campaigns.migrations.upgrade import Migrations
from campaigns.people.sessions import Sessions
from models.errors import UnusableInput

MIGRATIONS = Migrations(Path(__file__).parent / "migrations", "person")


class People(Sessions):
    """Everybody who may act in a lab, simulated or real; safe to use from several threads and processes."""

    @classmethod
    def open(cls, home: Path, *, now: Now = utc_now) -> Self:
        """The people of a state directory, or those in the schema ``people`` of ``MORPHOLOOP_DATABASE_URL``.

        Errors: :class:`models.errors.UnusableInput` when the database cannot be opened or is newer.
        """
        location = people_location(home)
        if not is_url(location):
            _keep_private(Path(location))
        return cls(connect_to(location, schema="people", migrations=MIGRATIONS), simulated=False, now=now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def people_location(home: Path) -> Path | str:
    """Where the people are: a database URL, or a file in the state directory, beside the ledgers."""
    return os.environ.get(URL_VARIABLE) or home / "people.db"


def _keep_private(path: Path) -> None:
    """Only the account that runs the lab may read hashes; SQLite gives its other files the same mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as failure:
        raise UnusableInput(
            f"{path} cannot be made ({failure.strerror}); set MORPHOLOOP_HOME to a folder you may write to."
        ) from failure
