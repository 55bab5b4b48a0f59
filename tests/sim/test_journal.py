import json
import os
from pathlib import Path

import pytest

from devices.errors import LabError
from sim.journal import Journal

WHO = {"plant": "toy", "seed": 0}


def at(t_s: float) -> str:
    return f"{t_s:g} s"


def test_a_key_is_started_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, WHO)
    assert journal.record("b-1", at) is None
    first = journal.start("b-1", {"pH": 10.0}, t_s=5.0, until_s=9.0)
    assert journal.start("b-1", {"pH": 11.0}, t_s=6.0, until_s=10.0) == first
    with pytest.raises(LabError, match="busy with the batch b-1"):
        journal.start("b-2", {}, t_s=7.0, until_s=8.0)
    journal.done("b-1", {"size": 8.0}, t_s=9.0)
    assert journal.start("b-2", {}, t_s=10.0, until_s=11.0)["batch"] == 1
    record = journal.record("b-1", at)
    assert record is not None
    assert (record.state, record.started_at, record.finished_at, record.starts) == ("done", "5 s", "9 s", 1)
    assert journal.sample("b-1") == {"size": 8.0}
    journal.close()


def test_another_process_finds_everything(tmp_path: Path) -> None:
    journal = Journal(tmp_path, WHO)
    journal.start("b-1", {"pH": 10.0}, t_s=5.0, until_s=9.0)
    journal.imaged("b-0", 3000.0, 2, t_s=7.5)
    journal.close()
    again = Journal(tmp_path, WHO)
    assert (again.starts, again.elapsed_s) == (1, 7.5)
    running = again.running()
    assert running is not None
    assert running["key"] == "b-1"
    assert again.imaged_at("b-0", 3000.0, 2) == 7.5
    assert again.imaged_at("b-0", 15000.0, 2) is None


@pytest.mark.parametrize("torn", ['{"event": "done", "key": "b-1", "sam', '{"event": "done"}', "\x00"])
def test_a_torn_last_line_never_was(tmp_path: Path, torn: str) -> None:
    journal = Journal(tmp_path, WHO)
    journal.start("b-1", {}, t_s=5.0, until_s=9.0)
    journal.close()
    with journal.path.open("a") as file:
        file.write(torn)
    again = Journal(tmp_path, WHO)
    assert again.running() is not None
    again.done("b-1", {"size": 8.0}, t_s=9.0)
    again.close()
    lines = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert [line.get("event") for line in lines] == [None, "start", "done"]


def test_a_damaged_journal_moves_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, WHO)
    journal.start("b-1", {}, t_s=5.0, until_s=9.0)
    journal.close()
    lines = journal.path.read_text().splitlines()
    journal.path.write_text("\n".join([lines[0], lines[1][:20], lines[1]]) + "\n")
    with pytest.raises(LabError, match="is damaged"):
        Journal(tmp_path, WHO)


def test_another_labs_journal_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.journal.PATIENCE_S", 0.0)
    journal = Journal(tmp_path, WHO)
    journal.stopped(None, "test", t_s=0.0)
    with pytest.raises(LabError, match="seed 0, not plant toy, seed 1"):
        Journal(tmp_path, {**WHO, "seed": 1})
    other = Journal(tmp_path, WHO)  # reading is allowed to all
    with pytest.raises(LabError, match="in use by another process"):
        other.stopped(None, "test", t_s=0.0)
    journal.close()
    other.stopped(None, "again", t_s=1.0)
    assert other.tells_of_stop("again", t_s=1.0)
    other.close()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_worker_does_not_hold_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.journal.PATIENCE_S", 0.0)
    journal = Journal(tmp_path, WHO)
    journal.stopped(None, "test", t_s=0.0)
    started, leave = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(leave[1])
        os.write(started[1], b"x")
        os.read(leave[0], 1)  # until the parent lets go
        os._exit(0)
    os.read(started[0], 1)
    journal.close()
    other = Journal(tmp_path, WHO)
    other.stopped(None, "again", t_s=1.0)
    other.close()
    for end in (*started, *leave):
        os.close(end)
    os.waitpid(child, 0)
