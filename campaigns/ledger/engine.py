"""The connection to a database: SQLite by path, PostgreSQL by URL, upgraded to the newest schema."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import create_engine

from campaigns.migrations.upgrade import LEDGER, Migrations, revision
from models.errors import UnusableInput

BUSY_TIMEOUT_S: float = 30
"""How long one attempt waits for somebody else's transaction."""


def connect(location: Path | str, *, simulated: bool) -> Engine:
    """An engine for a ledger, upgraded to the newest schema.

    In PostgreSQL simulated and real campaigns have a schema each, ``simulated`` and ``real``.
    Errors: as :func:`connect_to`.
    """
    return connect_to(location, schema=_schema(simulated), migrations=LEDGER)


def connect_to(location: Path | str, *, schema: str, migrations: Migrations) -> Engine:
    """An engine for a path (SQLite) or for a ``schema`` at a database URL, with all ``migrations``.

    Errors: :class:`models.errors.UnusableInput` when it can't be opened, is no database, or is newer than
    this program.
    """
    if not is_url(location):
        path = Path(location).absolute()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            raise UnusableInput(
                f"The ledger {path} cannot be made ({failure.strerror}); set MORPHOLOOP_HOME to a folder "
                "you may write to."
            ) from failure
    engine = _engine(location, schema)
    with _disposed_on_error(engine):
        if engine.dialect.name == "postgresql":
            with engine.execution_options(writing=True).begin() as connection:
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        migrations.upgrade(engine.execution_options(writing=True))
    return engine


def revisions(location: Path | str, *, simulated: bool) -> tuple[str | None, str]:
    """The schema that a database has (None: none yet), and the newest that we know; changes nothing.

    Errors: :class:`models.errors.UnusableInput` when it can't be opened or is no database.
    """
    if not is_url(location) and not Path(location).exists():
        return None, LEDGER.head()
    engine = _engine(location, _schema(simulated))
    with _disposed_on_error(engine), engine.connect() as connection:
        found = revision(connection)
    engine.dispose()
    return found, LEDGER.head()


def is_url(location: Path | str) -> bool:
    """Whether this is a database URL, and no path."""
    return "://" in str(location)


def address(location: Path | str) -> str:
    """A path or URL for people, without its password."""
    return make_url(str(location)).render_as_string(hide_password=True) if is_url(location) else str(location)


def shown(engine: Engine) -> str:
    """The database's address for people, without its password."""
    return engine.url.render_as_string(hide_password=True)


def _schema(simulated: bool) -> str:
    return "simulated" if simulated else "real"


def _engine(location: Path | str, schema: str) -> Engine:
    text = str(location) if is_url(location) else f"sqlite:///{Path(location).absolute()}"
    try:
        url = make_url(text)
        if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
            return _postgresql(url.set(drivername="postgresql+psycopg"), schema)
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as failure:
        hint = (
            "install morpholoop[postgresql]"
            if isinstance(failure, ModuleNotFoundError) and failure.name == "psycopg"
            else "give a path or a database URL, such as postgresql://user:password@host/database"
        )
        raise UnusableInput(
            f"{text.partition('@')[2] or text} is no database that can be opened ({failure}); {hint}."
        ) from failure
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: Any, schema: str) -> Engine:
    engine = create_engine(
        url,
        # A connection that the server ended meanwhile is replaced before it is used.
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 10,
            "application_name": "morpholoop",
            # A worker that hangs within a transaction must not hold everybody else for ever.
            "options": f"-c search_path={schema} -c lock_timeout={int(BUSY_TIMEOUT_S * 1000)}ms "
            "-c idle_in_transaction_session_timeout=120s -c timezone=UTC",
        },
    )

    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writing", False):
            # One writer at a time, as in SQLite: what was read within a transaction stays true until its end.
            connection.exec_driver_sql(
                f"SELECT pg_advisory_xact_lock(hashtext('morpholoop ledger {schema}'))"
            )

    event.listen(engine, "begin", begin)
    return engine


@contextmanager
def _disposed_on_error(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (DatabaseError, InterfaceError) as failure:
        engine.dispose()
        raise UnusableInput(
            f"The ledger {shown(engine)} cannot be opened ({told(failure)}); check the address, its "
            "permissions and that it is a database of this program."
        ) from failure
    except BaseException:  # an interrupt, too; it goes on
        engine.dispose()
        raise


def told(failure: DatabaseError | InterfaceError) -> str:
    """A database's failure on one line."""
    return " ".join(str(failure.orig).split())


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    # Transactions are begun by us: the driver would begin them late, after the first read.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}",
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


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that will write takes the lock at once: taking it after a read would fail as "locked".
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
