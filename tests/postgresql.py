"""A PostgreSQL server for tests: the installed one, on a free port of loopback, gone with the session."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.ports import free_port

USER = "lab"


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`, where PostgreSQL is installed."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders and (folders[-1] / "postgres").exists() else None


class Server:
    """A running server, and databases made from a template on it."""

    def __init__(self, bin_: Path, folder: Path) -> None:
        self._bin, self._data = bin_, folder / "data"
        # PostgreSQL refuses to run as root.
        self._as: dict[str, Any] = {"user": _unprivileged(), "extra_groups": []} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(folder, self._as["user"])
        self.port = free_port()
        self._run("initdb", "-D", str(self._data), "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8")
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def start(self) -> None:
        """Start, and wait until it answers."""
        log = (self._data.parent / "log").open("ab")
        options = ["-c", "fsync=off", "-c", f"unix_socket_directories={self._data}", "-h", "127.0.0.1"]
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self._data, "-p", str(self.port), *options],
            stdout=log,
            stderr=log,
            cwd="/",
            **self._as,
        )
        log.close()
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("postgres"), autocommit=True).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop at once, as `pg_ctl stop -m immediate` does: connections are cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def database(self, template: str = "template1") -> str:
        """A new database, a copy of ``template``; its name."""
        self._made += 1
        name = f"made_{self._made}"
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        except psycopg.OperationalError as error:
            log = (self._data.parent / "log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"The server does not answer; it said last: {log[-2000:]}") from error
        return name

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._bin / program, *arguments],
            check=True,
            capture_output=True,
            cwd="/",
            **self._as,
        )


def _unprivileged() -> str:
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@contextmanager
def server() -> Iterator[Server]:
    """A server within this context, in a folder that its user may enter."""
    found = programs()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="morpholoop-postgresql-"))
    try:
        made = Server(found, folder)
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
