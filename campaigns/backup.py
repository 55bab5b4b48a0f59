"""Copies of the databases while they are in use: SQLite's own backup, or `pg_dump`."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url

from campaigns.ledger import ledger_path
from campaigns.ledger.engine import address, is_url
from campaigns.people import people_location
from models.errors import UnusableInput

MANIFEST = "manifest.json"
DUMP = "database.dump"
PREFIX = "morpholoop-"


def back_up(home: Path, folder: Path, *, keep: int | None = None) -> Path:
    """Copy all databases of a state directory into a new folder in ``folder``, whole or not at all.

    Each copy is of one moment, is checked, and has its SHA-256 in ``manifest.json``. Only the newest ``keep``
    folders are left (None: all). Micrographs and models are files that never change: copy them afterwards,
    with any tool for files. Errors: :class:`UnusableInput`.
    """
    name = PREFIX + datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = Path(tempfile.mkdtemp(dir=folder, prefix=".incoming-"))
        try:
            made = _copies(home, target)
            if not made:
                raise UnusableInput(f"There is no database in {home} yet, so there is nothing to copy.")
            content = {str(path.relative_to(target)): _sha256(path) for path in made}
            manifest = {"created": datetime.now(UTC).isoformat(timespec="seconds"), "sha256": content}
            (target / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
            for path in (*made, target / MANIFEST):
                with path.open("rb") as written:
                    os.fsync(written.fileno())
            os.replace(target, folder / name)
        finally:
            shutil.rmtree(target, ignore_errors=True)
    except OSError as failure:
        raise UnusableInput(
            f"The databases cannot be copied to {folder} ({failure.strerror or failure}); make room there or "
            "give another folder."
        ) from failure
    if keep is not None:
        for old in sorted(folder.glob(f"{PREFIX}*"))[:-keep]:
            shutil.rmtree(old)
    return folder / name


def check(backup: Path) -> tuple[Path, ...]:
    """The files of a copy, if each still has its bytes. Errors: :class:`UnusableInput`."""
    try:
        content = json.loads((backup / MANIFEST).read_text(encoding="utf-8"))["sha256"]
        changed = [name for name, sha256 in content.items() if _sha256(backup / name) != sha256]
    except (OSError, ValueError, KeyError) as failure:
        raise UnusableInput(f"{backup} is no whole backup ({failure}); choose another one.") from failure
    if changed:
        raise UnusableInput(
            f"{', '.join(changed)} in {backup} changed since it was written; use another one."
        )
    return tuple(backup / name for name in content)


def _copies(home: Path, target: Path) -> list[Path]:
    people = people_location(home)
    if is_url(people):
        return [_dump(str(people), target / DUMP)]
    files = [ledger_path(home, simulated=simulated) for simulated in (False, True)]
    return [_copy(file, target / file.relative_to(home)) for file in (*files, Path(people)) if file.exists()]


def _copy(file: Path, to: Path) -> Path:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(file, timeout=60)) as source, closing(sqlite3.connect(to)) as copy:
            source.backup(copy)
            # One file, without a log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
            (found,) = copy.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as failure:
        raise UnusableInput(f"The database {file} cannot be copied ({failure}).") from failure
    if found != "ok":
        raise UnusableInput(f"The database {file} is damaged ({found}); restore it from an earlier backup.")
    return to


def _dump(url: str, to: Path) -> Path:
    program = shutil.which("pg_dump")
    if program is None:
        raise UnusableInput(
            "pg_dump is not on the path, so PostgreSQL cannot be copied; install the package "
            "postgresql-client of the server's version."
        )
    place = make_url(url)
    # Not as arguments: everybody on the machine can read those.
    asked = {
        "PGHOST": place.host,
        "PGPORT": place.port,
        "PGUSER": place.username,
        "PGPASSWORD": place.password,
        "PGDATABASE": place.database,
    }
    environment = {**os.environ, **{name: str(value) for name, value in asked.items() if value is not None}}
    done = subprocess.run(
        [program, "--format=custom", "--no-password", "--file", str(to)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        told = " ".join(done.stderr.split())
        raise UnusableInput(f"The database {address(url)} cannot be copied: {told}")
    return to


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
