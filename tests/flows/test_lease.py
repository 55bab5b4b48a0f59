import logging
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.ledger import LeaseHeld, LeaseLost, Ledger, LedgerError, ledger_path
from campaigns.ledger.tables import LeaseRow
from flows import lease as leases
from flows.lease import driven, kept_lease


@pytest.fixture
def ledger(home: Path, campaign_id: str):
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as opened:
        yield opened


def test_a_second_worker_is_refused_until_the_first_is_done(ledger, campaign_id, tmp_path):
    with kept_lease(ledger, campaign_id, tmp_path):
        with (
            pytest.raises(LeaseHeld, match="driven by another process of this machine"),
            kept_lease(ledger, campaign_id, tmp_path),
        ):
            pass
        with pytest.raises(LeaseHeld, match=socket.gethostname()):
            ledger.acquire_lease(campaign_id, "another machine")
    with kept_lease(ledger, campaign_id, tmp_path) as kept:
        assert kept.current.campaign_id == campaign_id
    ledger.release_lease(ledger.acquire_lease(campaign_id, "another machine"))


def test_what_a_dead_worker_of_this_machine_held_is_taken_over_at_once(ledger, campaign_id, tmp_path):
    ledger.acquire_lease(campaign_id, socket.gethostname())  # and then its process was killed
    with kept_lease(ledger, campaign_id, tmp_path) as kept:
        assert kept.current.holder == socket.gethostname()


def test_a_lost_lease_stops_its_worker(ledger, campaign_id, tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "RENEW_S", 0.01)
    with kept_lease(ledger, campaign_id, tmp_path) as kept:
        ledger.release_lease(kept.current)
        kept._thread.join(timeout=10)
        with pytest.raises(LeaseLost):
            kept.current  # noqa: B018


def test_a_jump_of_the_clock_is_said_and_the_lease_goes_on(
    ledger, campaign_id, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(leases, "RENEW_S", 0.02)
    ahead = [0.0]
    now = time.time
    monkeypatch.setattr(leases.time, "time", lambda: now() + ahead[0])
    with caplog.at_level(logging.WARNING, "flows"), kept_lease(ledger, campaign_id, tmp_path) as kept:
        ahead[0] = 3600.0
        until(lambda: any("jumped by +3600 s" in text for text in caplog.messages))
        ahead[0] = 0.0
        until(lambda: any("jumped by -3600 s" in text for text in caplog.messages))
        assert kept.current.campaign_id == campaign_id
    assert len(caplog.messages) == 2


def test_a_database_that_is_away_costs_no_lease(ledger, campaign_id, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(leases, "RENEW_S", 0.02)
    renew, times = ledger.renew_lease, []

    def away_at_first(lease, *, seconds):
        times.append(lease)
        if len(times) < 3:
            raise LedgerError("The ledger is away.")
        return renew(lease, seconds=seconds)

    monkeypatch.setattr(ledger, "renew_lease", away_at_first)
    with caplog.at_level(logging.WARNING, "flows"), kept_lease(ledger, campaign_id, tmp_path) as kept:
        first = kept.current.expires_at
        until(lambda: kept.current.expires_at > first)
    assert sum("could not be renewed" in text for text in caplog.messages) == 2


def test_a_worker_whose_clock_jumped_is_fenced_off_once_another_took_over(ledger, campaign_id, tmp_path):
    """Its lease looks run out to everybody else: that costs it the campaign, and doubles nothing."""
    with kept_lease(ledger, campaign_id, tmp_path) as kept:
        with ledger._write() as session:
            row = session.get(LeaseRow, campaign_id)
            row.expires_at = "2000-01-01T00:00:00.000000+00:00"
            session.add(row)
        # Nobody took it: it may go on, and the next renewal mends it.
        ledger.set_status(campaign_id, "running", "waiting", author="t", reason="r", lease=kept.current)
        other = ledger.acquire_lease(campaign_id, "another machine")
        with pytest.raises(LeaseLost):
            ledger.set_status(campaign_id, "waiting", "running", author="t", reason="r", lease=kept.current)
        ledger.set_status(campaign_id, "waiting", "running", author="t", reason="r", lease=other)
    assert ledger.lease_of(campaign_id).holder == "another machine"


def test_whether_a_campaign_is_driven_is_seen_at_once_here_and_elsewhere_when_its_lease_ran_out(
    ledger, campaign_id, tmp_path
):
    now = datetime.now(UTC)

    def seen(at: datetime = now) -> bool:
        return driven(ledger, campaign_id, tmp_path, at)

    assert not seen()
    with kept_lease(ledger, campaign_id, tmp_path):
        assert seen()
        assert not seen(now + timedelta(hours=1))
    assert not seen()
    ledger.acquire_lease(campaign_id, socket.gethostname())
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    (tmp_path / f"{campaign_id}.lock").write_text(str(gone.pid))
    assert not seen()
    ledger.release_lease(ledger.acquire_lease(campaign_id, socket.gethostname()))
    ledger.acquire_lease(campaign_id, "another machine")
    assert seen()


def until(done):
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)
