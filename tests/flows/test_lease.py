import socket
from pathlib import Path

import pytest

from campaigns.ledger import LeaseHeld, LeaseLost, Ledger, ledger_path
from flows import lease as leases
from flows.lease import kept_lease


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
