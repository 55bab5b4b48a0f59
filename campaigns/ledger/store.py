"""The database under the ledger: connection, schema, transactions."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, create_engine

from campaigns.ledger.errors import LedgerError
from campaigns.ledger.tables import StoreRow
from campaigns.migrations.upgrade import head, revision, upgrade
from models.errors import UnusableInput

Now = Callable[[], datetime]

BUSY_TIMEOUT_S = 30


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
    """One database: reads and writes are transactions; writes can be put together into one."""

    def __init__(self, engine: Engine, *, simulated: bool, now: Now = utc_now) -> None:
        self.simulated = simulated
        self._engine, self._now = engine, now
        self._writing = engine.execution_options(writing=True)
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
            with Session(self._writing, expire_on_commit=False) as session, session.begin():
                self._open.session = session
                try:
                    yield session
                finally:
                    self._open.session = None
        except OperationalError as failure:
            raise LedgerError(
                f"The ledger cannot be written ({failure.orig}), and nothing was changed; free the disk or "
                "end the process that holds it, then try again."
            ) from failure

    @contextmanager
    def _read(self) -> Iterator[Session]:
        current: Session | None = getattr(self._open, "session", None)
        if current is not None:
            current.flush()
            yield current
            return
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

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

    def _at(self) -> str:
        return iso(self._now())


def connect(location: Path | str) -> Engine:
    """An engine for a path (SQLite) or a database URL, upgraded to the newest schema.

    Errors: :class:`models.errors.UnusableInput` when it can't be opened, is no database, or is newer than
    this program.
    """
    if "://" not in str(location):
        path = Path(location).absolute()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            raise UnusableInput(
                f"The ledger {path} cannot be made ({failure.strerror}); set MORPHOLOOP_HOME to a folder "
                "you may write to."
            ) from failure
    engine = _engine(location)
    with _disposed_on_error(engine):
        upgrade(engine.execution_options(writing=True))
    return engine


def revisions(location: Path | str) -> tuple[str | None, str]:
    """The schema that a database has (None: none yet), and the newest that we know; changes nothing.

    Errors: :class:`models.errors.UnusableInput` when it can't be opened or is no database.
    """
    if "://" not in str(location) and not Path(location).exists():
        return None, head()
    engine = _engine(location)
    with _disposed_on_error(engine), engine.connect() as connection:
        found = revision(connection)
    engine.dispose()
    return found, head()


def _engine(location: Path | str) -> Engine:
    url = str(location) if "://" in str(location) else f"sqlite:///{Path(location).absolute()}"
    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as failure:
        raise UnusableInput(
            f"{url.partition('@')[2] or url} is no database that can be opened ({failure}); give a path "
            "or a database URL."
        ) from failure
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def _disposed_on_error(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DatabaseError as failure:
        engine.dispose()
        shown = engine.url.render_as_string(hide_password=True)
        raise UnusableInput(
            f"The ledger {shown} cannot be opened ({failure.orig}); check the path, its permissions and that "
            "it is a database of this program."
        ) from failure
    except BaseException:
        engine.dispose()
        raise


def claim(engine: Engine, *, simulated: bool, now: Now) -> None:
    """Make the database the store of a simulated or real lab. Errors: :class:`LedgerError` if it is not."""
    kinds = {True: "a simulated lab", False: "a real lab"}
    with Session(engine.execution_options(writing=True)) as session, session.begin():
        row = session.get(StoreRow, 1)
        if row is None:
            session.add(StoreRow(id=1, simulated=simulated, created_at=iso(now())))
        elif row.simulated != simulated:
            raise LedgerError(
                f"The ledger {engine.url.render_as_string(hide_password=True)} belongs to "
                f"{kinds[row.simulated]} and cannot hold a campaign of {kinds[simulated]}; open another one."
            )


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    # Transactions are begun by us: the driver would begin them late, after the first read.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_S * 1000}",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    _use_write_ahead_log(cursor)
    cursor.close()


def _use_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    # SQLite does not apply its busy timeout to this change: two processes that open a new database at once,
    # or one that opens while the last other one closes, would see "locked" at once.
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as failure:
            if failure.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Any) -> None:
    # A transaction that will write takes the lock at once: taking it after a read would fail as "locked".
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
