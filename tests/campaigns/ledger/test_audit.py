"""The chain of histories: what it finds, that nobody forks it, and that older histories are taken into it."""

import itertools
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command

from campaigns.ledger import AuditFilter, Ledger
from campaigns.migrations.upgrade import LEDGER

LIMITS = {"pH": (9.0, 11.0)}

COLUMNS = (
    "simulated, campaign_id, experiment_id, from_state, to_state, revision, author, reason, facts, at, hash"
)
ADDED = f"INSERT INTO history ({COLUMNS}) SELECT {COLUMNS} FROM history WHERE id = 5"

on_sqlite = pytest.mark.parametrize("location", ["sqlite"], indirect=True)


@pytest.fixture
def told(ledger, proposed) -> Ledger:
    """A ledger with a short history."""
    ledger.approve(proposed.id, author="kim", role="operator", limits=LIMITS, expires_h=1, reason="fine")
    ledger.mint_dispatch_key(proposed.id, limits=LIMITS, author="flow")
    ledger.transition(proposed.id, "dispatching", "synthesised", author="flow", reactor_starts=1, dose=0.1)
    return ledger


def tamper(path: Path, *statements: str) -> None:
    """Change rows as somebody with the file would: without the triggers, which are back afterwards."""
    with sqlite3.connect(path) as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(statement)
        for _, sql in triggers:
            database.execute(sql)
    database.close()


def test_an_untouched_history_holds_and_is_read_newest_first(told, proposed, clock):
    check = told.verify_chain()
    assert (check.holds, check.rows, check.broken) == (True, 5, None)
    assert told.verify_chain(check.head).holds
    entries = told.audit()
    assert [one.what for one in entries] == ["synthesised", "dispatching", "approved", "proposed", "running"]
    assert entries[0].facts == {"reactor_starts": 1, "dose": 0.1}
    assert [one.subject for one in told.audit(AuditFilter(who="kim"))] == [proposed.id]
    assert [one.what for one in told.audit(AuditFilter(what="approved", about="simple"))] == ["approved"]
    assert told.audit(AuditFilter(about="sim%")) == ()
    assert len(told.audit(AuditFilter(most=2))) == 2
    at = entries[0].at
    assert told.audit(AuditFilter(until=at)) == ()
    assert len(told.audit(AuditFilter(since=at))) == 5


@on_sqlite
@pytest.mark.parametrize(
    ("statement", "broken", "fault"),
    [
        ("UPDATE history SET author = 'ann' WHERE id = 3", 3, "not as it was written"),
        ("UPDATE history SET facts = '{\"dose\": 0.2}' WHERE id = 5", 5, "not as it was written"),
        ("UPDATE history SET at = '2026' WHERE id = 1", 1, "not as it was written"),
        ("DELETE FROM history WHERE id = 2", 3, "removed"),
        ("DELETE FROM history WHERE id = 5", None, "its end was removed"),
        ("UPDATE history SET id = 9 WHERE id = 2", 3, "moved"),
        (ADDED, 6, "added"),
        ("UPDATE approval SET author = 'ann'", 3, "changed or is missing"),
        ("UPDATE approval SET reason = ''", 3, "changed or is missing"),
        ("DELETE FROM approval", 3, "changed or is missing"),
    ],
)  # fmt: skip
def test_whatever_is_changed_behind_the_ledger_is_found(told, location, statement, broken, fault):
    tamper(location, "PRAGMA foreign_keys = OFF", statement)
    check = told.verify_chain()
    assert not check.holds
    assert check.broken == broken
    assert fault in check.fault


@on_sqlite
def test_a_chain_made_anew_is_found_by_a_head_that_was_noted(told, location):
    noted = told.verify_chain().head
    tamper(location, "UPDATE history SET author = 'ann' WHERE id = 3")
    with told._write() as session:
        config = LEDGER.config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "0002")
        command.upgrade(config, "head")
    assert told.verify_chain().holds
    assert "written anew" in told.verify_chain(noted).fault


def test_an_older_history_is_chained_when_the_ledger_is_upgraded(told, proposed):
    before = told.history("simple-s0-r1")
    with told._write() as session:
        config = LEDGER.config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "0002")
        command.upgrade(config, "head")
    assert told.history("simple-s0-r1") == before
    assert told.verify_chain().holds
    told.transition(proposed.id, "synthesised", "failed", author="flow")
    check = told.verify_chain()
    assert (check.holds, check.rows) == (True, 6)


def test_threads_that_write_at_once_make_one_chain(told, location, campaign):
    def write(name: str) -> None:
        with Ledger.open(location, simulated=True) as own:
            for index in range(5):
                status = [("running", "waiting"), ("waiting", "running")][index % 2]
                try:
                    own.set_status(campaign.id, *status, author=name, reason=str(index))
                except ValueError:
                    own.propose(campaign.id, index=hash((name, index)) % 10**6 + 100, conditions={"pH": 10},
                                units={}, model_version="m", author=name)  # fmt: skip

    threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check = told.verify_chain()
    assert (check.fault, check.rows) == ("", 20)


@pytest.mark.slow
@on_sqlite
def test_processes_that_write_at_once_make_one_chain(told, location, campaign):
    script = (
        "import sys; from campaigns.ledger import Ledger\n"
        "with Ledger.open(sys.argv[1], simulated=True) as ledger:\n"
        "    for i in range(20):\n"
        "        ledger.propose(sys.argv[2], index=int(sys.argv[3]) + i, conditions={'pH': 10.0}, units={},\n"
        "                       model_version='m', author=sys.argv[3])\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(location), campaign.id, str(first)])
        for first in (100, 200)
    ]
    assert [process.wait(50) for process in processes] == [0, 0]
    check = told.verify_chain()
    assert (check.fault, check.rows) == ("", 45)
    authors = [one.author for one in reversed(told.audit())][5:]
    assert sorted(authors) == ["100"] * 20 + ["200"] * 20


def test_what_was_undone_is_in_no_chain(told, campaign):
    rows = told.verify_chain().rows

    def undone() -> None:
        with told.together():
            told.set_status(campaign.id, "running", "waiting", author="kim", reason="x")
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        undone()
    assert (told.verify_chain().holds, told.verify_chain().rows) == (True, rows)


def test_facts_hash_alike_before_and_after_they_were_stored(ledger, campaign):
    odd = {
        "n": 1,
        "x": 1.0,
        "tiny": 1e-320,
        "big": 2**60,
        "µ": "é\u2028",
        "list": (1, None),
        "of": {"1": [0.1]},
    }
    for index, facts in enumerate(itertools.repeat(odd, 2), start=1):
        ledger.propose(
            campaign.id,
            index=index,
            conditions={"pH": 10},
            units={},
            model_version="",
            author="w",
            facts=facts,
        )
    assert ledger.verify_chain().holds


@on_sqlite
def test_a_copy_of_the_file_holds_as_well(told, location, tmp_path):
    with told._write() as session:
        session.connection().exec_driver_sql("SELECT 1")
        copy = tmp_path / "copy.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{location}{suffix}", f"{copy}{suffix}")
    with Ledger.open(copy, simulated=True) as other:
        assert other.verify_chain() == told.verify_chain()
