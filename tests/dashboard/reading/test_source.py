import threading

import pytest

from campaigns.ledger import Ledger, ledger_path
from dashboard.reading import source as module
from dashboard.reading.looks import last_look, note_look
from dashboard.reading.source import Source

pytestmark = pytest.mark.slow


def test_a_reading_is_kept_until_something_is_written(home, campaign_id, monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    source, reads = Source(home), []
    for _ in range(3):
        source.cached("one", lambda: reads.append(1))
    assert len(reads) == 1
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        ledger.set_status(campaign_id, "running", "waiting", author="test", reason="")
    source.cached("one", lambda: reads.append(1))
    assert len(reads) == 2
    source.close()


def test_of_one_campaign_only_what_is_written_of_it_counts(home, campaign_id, monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    source, reads = Source(home), []
    source.cached("one", lambda: reads.append(1), campaign=campaign_id)
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        record = ledger.campaign(campaign_id)
        ledger.start_campaign(
            name="other",
            seed=0,
            specification=record.specification,
            digest="x",
            lab=record.lab,
            targets=record.targets,
            units=record.units,
            author="test",
        )
        source.cached("one", lambda: reads.append(1), campaign=campaign_id)
        assert len(reads) == 1
        ledger.set_status(campaign_id, "running", "waiting", author="test", reason="")
    source.cached("one", lambda: reads.append(1), campaign=campaign_id)
    assert len(reads) == 2
    source.close()


def test_many_who_ask_at_once_are_one_reading(home, campaign_id):
    source, reads, gate = Source(home), [], threading.Barrier(8)

    def ask() -> None:
        gate.wait()
        source.cached("one", lambda: reads.append(1))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == 1
    source.close()


def test_a_store_that_comes_later_is_found(home, request, monkeypatch):
    monkeypatch.setattr(module, "SEEK_S", 0.0)
    home.mkdir()
    source = Source(home)
    assert source.campaigns() == ()
    made = request.getfixturevalue("campaign_id")
    source.changed()
    assert [one.id for one in source.campaigns()] == [made]
    source.close()


def test_looks_are_kept_by_person_and_campaign_and_a_name_is_no_path(tmp_path):
    assert last_look(tmp_path, "ann", "c1") == ""
    note_look(tmp_path, "ann", "c1")
    note_look(tmp_path, "../../etc/passwd", "c1")
    assert last_look(tmp_path, "ann", "c1") > "2026"
    assert last_look(tmp_path, "ben", "c1") == ""
    assert {path.parent for path in (tmp_path).rglob("*.json")} == {tmp_path / "dashboard" / "looks"}
