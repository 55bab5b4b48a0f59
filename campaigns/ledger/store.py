"""The transactions under the ledger: reading, writing, and waiting for a database that is away."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlmodel import Session

from campaigns.ledger.engine import shown, told
from campaigns.ledger.errors import LedgerError
from campaigns.ledger.tables import StoreRow

Now = Callable[[], datetime]

RETRY_S = 1.0
"""How long a database that is away is left alone before it is asked again."""

_log = logging.getLogger(__name__)


def _no_interrupts(record: logging.LogRecord) -> bool:
    """Not the traceback of a Ctrl-C that arrives while a connection is given back: it goes on by itself."""
    return not (record.exc_info and isinstance(record.exc_info[1], KeyboardInterrupt))


logging.getLogger("sqlalchemy.pool.impl.QueuePool").addFilter(_no_interrupts)


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with a fixed width, so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Store:
    """One database: reads and writes are transactions; writes can be put together into one.

    A database that is locked or away when a transaction begins is waited for, ``patience_s`` seconds at most.
    """

    def __init__(
        self, engine: Engine, *, simulated: bool, now: Now = utc_now, patience_s: float = 0.0
    ) -> None:
        self.simulated = simulated
        self._engine, self._now, self._patience_s = engine, now, patience_s
        self._writing = engine.execution_options(writing=True)
        # Everything read in one session is of one moment; SQLite gives no less.
        self._reading = (
            engine.execution_options(isolation_level="REPEATABLE READ")
            if engine.dialect.name == "postgresql"
            else engine
        )
        self._open = threading.local()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Everything written inside becomes one transaction: all of it is kept, or nothing."""
        with self._write():
            yield

    @contextmanager
    def _write(self) -> Iterator[Session]:
        current: Session | None = getattr(self._open, "session", None)
        if current is not None:
            yield current
            return
        try:
            with Session(self._writing, expire_on_commit=False) as session:
                self._begin(session)
                self._open.session = session
                try:
                    yield session
                finally:
                    self._open.session = None
                session.commit()
        except (OperationalError, InterfaceError) as failure:
            raise LedgerError(
                f"The ledger cannot be written ({told(failure)}), and nothing was changed; free the disk or "
                "end the process that holds it, then try again."
            ) from failure

    @contextmanager
    def _read(self) -> Iterator[Session]:
        current: Session | None = getattr(self._open, "session", None)
        if current is not None:
            current.flush()
            yield current
            return
        try:
            with Session(self._reading, expire_on_commit=False) as session:
                self._begin(session)
                yield session
        except (OperationalError, InterfaceError) as failure:
            raise LedgerError(
                f"The ledger {shown(self._engine)} cannot be read ({told(failure)}); see that the database "
                "can be reached, then try again."
            ) from failure

    @contextmanager
    def _read_together(self) -> Iterator[None]:
        """Everything read inside comes from one moment."""
        with self._read() as session:
            outer: Session | None = getattr(self._open, "session", None)
            self._open.session = session
            try:
                yield
            finally:
                self._open.session = outer

    def _begin(self, session: Session) -> None:
        """Begin the transaction now, when nothing can be lost by waiting and trying again."""
        deadline = time.monotonic() + self._patience_s
        waited = False
        while True:
            try:
                session.connection()
            except DBAPIError as failure:
                session.rollback()
                if not isinstance(failure, OperationalError | InterfaceError):
                    raise
                if time.monotonic() >= deadline:
                    raise
                if not waited:
                    _log.warning(
                        "The ledger %s is away (%s); waiting for it, %.0f s at most.",
                        shown(self._engine),
                        told(failure),
                        self._patience_s,
                    )
                waited = True
                time.sleep(RETRY_S)
            else:
                if waited:
                    _log.warning("The ledger %s is back; going on.", shown(self._engine))
                return

    def _at(self) -> str:
        return iso(self._now())


def claim(engine: Engine, *, simulated: bool, now: Now) -> None:
    """Make the database the store of a simulated or real lab. Errors: :class:`LedgerError` if it is not."""
    kinds = {True: "a simulated lab", False: "a real lab"}
    with Session(engine.execution_options(writing=True)) as session, session.begin():
        row = session.get(StoreRow, 1)
        if row is None:
            session.add(StoreRow(id=1, simulated=simulated, created_at=iso(now())))
        elif row.simulated != simulated:
            raise LedgerError(
                f"The ledger {shown(engine)} belongs to "
                f"{kinds[row.simulated]} and cannot hold a campaign of {kinds[simulated]}; open another one."
            )
