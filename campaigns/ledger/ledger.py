"""The ledger as others open it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from campaigns.ledger.copies import Copies
from campaigns.ledger.engine import address, connect, revisions
from campaigns.ledger.store import Now, claim, utc_now
from models.errors import UnusableInput

URL_VARIABLE = "MORPHOLOOP_DATABASE_URL"


class Ledger(Copies):
    """All campaigns of one store, simulated or real; safe to use from several threads and processes."""

    @classmethod
    def open(
        cls, location: Path | str, *, simulated: bool, now: Now = utc_now, patience_s: float = 0.0
    ) -> Self:
        """Open a ledger, making or upgrading its database; ``location`` is a path (SQLite) or a database URL.

        ``now`` gives the time of every record (UTC); a database that is locked or away is waited for,
        ``patience_s`` seconds at most. Errors: :class:`models.errors.UnusableInput` when the
        database cannot be opened, is newer than this program, or is the store of the other kind of lab.
        """
        engine = connect(location, simulated=simulated)
        try:
            claim(engine, simulated=simulated, now=now)
        except BaseException:  # an interrupt, too; it goes on
            engine.dispose()
            raise
        return cls(engine, simulated=simulated, now=now, patience_s=patience_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ledger_path(home: Path, *, simulated: bool) -> Path:
    """Where a state directory keeps its ledger, and beside it the files of that kind of lab.

    With a database URL there is no such file, but the files beside it are where they would be.
    """
    return home / "simulated" / "lab.db" if simulated else home / "lab.db"


def ledger_location(home: Path, *, simulated: bool) -> Path | str:
    """What :meth:`Ledger.open` opens: the URL in ``MORPHOLOOP_DATABASE_URL``, else the file in ``home``.

    Errors: :class:`models.errors.UnusableInput` for a URL of another database than PostgreSQL.
    """
    url = os.environ.get(URL_VARIABLE)
    if not url:
        return ledger_path(home, simulated=simulated)
    if not url.startswith("postgres"):
        # Another database would have to keep simulated and real campaigns apart, and has no schemas for it.
        raise UnusableInput(
            f"{URL_VARIABLE}: {address(url)} is no PostgreSQL database; give "
            "postgresql://user:password@host/database, or unset it for SQLite in the state directory."
        )
    return url


def has_ledger(home: Path, *, simulated: bool) -> bool:
    """Whether a ledger of that kind of lab was ever begun. Errors: :class:`models.errors.UnusableInput`."""
    return revisions(ledger_location(home, simulated=simulated), simulated=simulated)[0] is not None


@contextmanager
def ledgers(home: Path) -> Iterator[tuple[Ledger, ...]]:
    """The ledgers that there are, of the real lab and of simulated ones; none is made."""
    with ExitStack() as stack:
        yield tuple(
            stack.enter_context(Ledger.open(ledger_location(home, simulated=simulated), simulated=simulated))
            for simulated in (False, True)
            if has_ledger(home, simulated=simulated)
        )
