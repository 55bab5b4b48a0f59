"""Copies of the databases while they are in use, and the way back that docs/deploy.md describes."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from campaigns.backup import DUMP, MANIFEST, back_up, check
from campaigns.ledger import Ledger, ledger_path, ledgers
from campaigns.people import People, Role
from models.errors import UnusableInput

pytestmark = pytest.mark.slow


def said(home: Path) -> list[tuple[str, str]]:
    with ledgers(home) as opened:
        return [(record.id, record.report) for ledger in opened for record in ledger.campaigns()]


def test_sqlite_is_copied_in_use_and_put_back(home, campaign_id, tmp_path):
    with People.open(home) as people:
        people.add("ann", Role.ADMIN, "a long enough pass phrase", by="test")
    path = ledger_path(home, simulated=True)
    with Ledger.open(path, simulated=True) as ledger:
        ledger.set_report(campaign_id, "before.html")
        with ledger.together():
            # A transaction that has not ended is not in the copy.
            ledger.set_report(campaign_id, "after.html")
            made = back_up(home, tmp_path / "safe")
    assert sorted(one.relative_to(made).as_posix() for one in check(made)) == [
        "people.db",
        "simulated/lab.db",
    ]
    assert said(home) == [(campaign_id, "after.html")]

    # Back to it: the files in place of those there are, and nothing of their logs.
    for file in check(made):
        place = home / file.relative_to(made)
        shutil.copy(file, place)
        for log in ("-wal", "-shm"):
            place.with_name(place.name + log).unlink(missing_ok=True)
    assert said(home) == [(campaign_id, "before.html")]
    with People.open(home) as people:
        assert [one.name for one in people.people()] == ["ann"]


def test_the_oldest_copies_are_dropped_and_a_changed_one_is_told(home, campaign_id, tmp_path):
    made = [back_up(home, tmp_path / "safe", keep=2) for _ in range(4)]
    assert sorted((tmp_path / "safe").iterdir()) == made[-2:]
    assert set(json.loads((made[-1] / MANIFEST).read_text(encoding="utf-8"))["sha256"]) == {
        "simulated/lab.db"
    }
    with (made[-1] / "simulated" / "lab.db").open("r+b") as stream:
        stream.write(b"x")
    with pytest.raises(UnusableInput, match=r"simulated/lab\.db in .* changed since it was written"):
        check(made[-1])


def test_where_there_is_nothing_to_copy_or_no_place_nothing_is_left_behind(home, campaign_id, tmp_path):
    with pytest.raises(UnusableInput, match="no database"):
        back_up(tmp_path / "elsewhere", tmp_path / "safe")
    assert list((tmp_path / "safe").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusableInput, match="cannot be copied to"):
        back_up(home, tmp_path / "file")


def test_postgresql_is_dumped_in_use_and_put_back(home, postgresql, tmp_path, monkeypatch):
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    url = postgresql.url(postgresql.database())
    monkeypatch.setenv("MORPHOLOOP_DATABASE_URL", url)
    with Ledger.open(url, simulated=False) as ledger:
        record = ledger.start_campaign(
            name="c", seed=0, specification="{}", digest="d", lab="l", targets=(), units={}, author="t"
        )
        ledger.set_report(record.id, "before.html")
        made = back_up(home, tmp_path / "safe")
        ledger.set_report(record.id, "after.html")
    assert check(made) == (made / DUMP,)
    assert said(home) == [(record.id, "after.html")]
    subprocess.run(
        ["pg_restore", "--clean", "--if-exists", "--dbname", url, made / DUMP],
        check=True,
        capture_output=True,
        env=dict(os.environ),
    )
    assert said(home) == [(record.id, "before.html")]
