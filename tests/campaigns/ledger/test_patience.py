"""A database that is locked or away for a while is waited for, where the one who opened it asked for that."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from campaigns.ledger import CampaignRecord, Ledger, LedgerError, engine

pytestmark = pytest.mark.slow

on_sqlite = pytest.mark.parametrize("location", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize(
    "location", [pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.2)


@contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Another program holds the SQLite file for so long."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    ending = threading.Timer(seconds, other.close)
    ending.start()
    yield
    ending.join()


@on_sqlite
def test_a_locked_file_is_waited_for_and_said(location, campaign: CampaignRecord, caplog):
    with Ledger.open(location, simulated=True, patience_s=30) as patient, locked(location, 0.8):
        with caplog.at_level(logging.WARNING, "campaigns"):
            patient.set_report(campaign.id, "report.html")
        assert patient.campaign(campaign.id).report == "report.html"
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "is away (database is locked); waiting for it, 30 s at most" in said[0]
    assert "is back" in said[1]


@on_sqlite
def test_patience_comes_to_an_end(location, campaign: CampaignRecord):
    with (
        Ledger.open(location, simulated=True, patience_s=0.3) as patient,
        locked(location, 2.5),
        pytest.raises(LedgerError, match=r"cannot be written .*locked.*nothing was changed"),
    ):
        patient.set_report(campaign.id, "report.html")


@on_postgresql
def test_a_server_that_is_restarted_is_waited_for_and_said(
    location, campaign: CampaignRecord, postgresql, caplog
):
    with (
        Ledger.open(location, simulated=True, patience_s=60) as patient,
        Ledger.open(location, simulated=True) as hasty,
    ):
        assert patient.campaigns() == hasty.campaigns() == (campaign,)
        postgresql.stop()
        with pytest.raises(LedgerError, match="cannot be read"):
            hasty.campaigns()
        with pytest.raises(LedgerError, match="cannot be written"):
            hasty.set_report(campaign.id, "never.html")
        starting = threading.Timer(0.5, postgresql.start)
        starting.start()
        with caplog.at_level(logging.WARNING, "campaigns"):
            patient.set_report(campaign.id, "report.html")
        starting.join()
        assert patient.campaign(campaign.id).report == hasty.campaign(campaign.id).report == "report.html"
    assert "is away" in caplog.records[0].getMessage()
    assert "made_" in caplog.records[0].getMessage()
    assert "is back" in caplog.records[-1].getMessage()


@on_postgresql
def test_two_writers_follow_one_another(location, campaign: CampaignRecord, monkeypatch):
    """What one reads within its transaction stays true until its end, as in SQLite."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 30)
    with Ledger.open(location, simulated=True) as one, Ledger.open(location, simulated=True) as two:
        entered = threading.Event()

        def other() -> None:
            entered.set()
            two.set_report(campaign.id, "two.html")

        writing = threading.Thread(target=other)
        with one.together():
            before = one.campaign(campaign.id)
            writing.start()
            entered.wait(10)
            writing.join(0.3)
            assert writing.is_alive()
            assert one.campaign(campaign.id) == before
            one.set_report(campaign.id, "one.html")
        writing.join(10)
        assert one.campaign(campaign.id).report == "two.html"
