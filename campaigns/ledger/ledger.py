"""The ledger as others open it."""

from pathlib import Path
from types import TracebackType
from typing import Self

from campaigns.ledger.status import Statuses
from campaigns.ledger.store import Now, claim, connect, utc_now


class Ledger(Statuses):
    """All campaigns of one store, simulated or real; safe to use from several threads and processes."""

    @classmethod
    def open(cls, location: Path | str, *, simulated: bool, now: Now = utc_now) -> Self:
        """Open a ledger, making or upgrading its database; ``location`` is a path (SQLite) or a database URL.

        ``now`` gives the time of every record (UTC). Errors: :class:`models.errors.UnusableInput` when the
        database cannot be opened, is newer than this program, or is the store of the other kind of lab.
        """
        engine = connect(location)
        try:
            claim(engine, simulated=simulated, now=now)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, simulated=simulated, now=now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ledger_path(home: Path, *, simulated: bool) -> Path:
    """Where a state directory keeps its ledger; a simulated lab's is a store of its own."""
    return home / "simulated" / "lab.db" if simulated else home / "lab.db"
