"""A whole campaign over a database that is restarted or locked in the middle of it: said, and survived."""

import logging
import sqlite3
import threading
from collections.abc import Iterator

import pytest

from campaigns.ledger import CampaignState, Ledger, engine, ledger_path
from flows.progress import Event, watched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
ENDS = (CampaignState.CONVERGED, CampaignState.BUDGET_SPENT)


@pytest.fixture
def warnings_said() -> Iterator[list[str]]:
    """What the ledger warns of; Prefect takes the root's handlers away, so by a handler of its own."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("campaigns").addHandler(handler)
    yield said
    logging.getLogger("campaigns").removeHandler(handler)


def test_postgresql_restarted_in_mid_campaign(
    small_campaign, prefect_api, home, postgresql, monkeypatch, warnings_said
):
    from flows.campaign import campaign

    url = postgresql.url(postgresql.database())
    monkeypatch.setenv("MORPHOLOOP_DATABASE_URL", url)
    restarts: dict[str, threading.Timer] = {}

    def restarted(event: Event) -> None:
        if event.step in ("synthesise", "quantify", "compare") and event.step not in restarts:
            for before in restarts.values():
                before.join()
            postgresql.stop()
            restarts[event.step] = threading.Timer(0.7, postgresql.start)
            restarts[event.step].start()

    with watched(restarted):
        found = campaign(small_campaign, iterations=1)
    assert len(restarts) == 3
    assert found.status in ENDS, found.reason
    assert [(one.state, one.reactor_starts) for one in found.iterations] == [("learned", 1)]
    assert any("is away" in text for text in warnings_said)
    assert not ledger_path(home, simulated=True).exists()
    with Ledger.open(url, simulated=True) as ledger:
        assert ledger.status(found.campaign) == found


def test_sqlite_locked_in_mid_campaign(small_campaign, prefect_api, home, monkeypatch, warnings_said):
    from flows.campaign import campaign

    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.2)
    held: list[threading.Timer] = []

    def locked(event: Event) -> None:
        if event.step == "compare" and not held:
            other = sqlite3.connect(
                ledger_path(home, simulated=True), isolation_level=None, check_same_thread=False
            )
            other.execute("BEGIN IMMEDIATE")
            held.append(threading.Timer(1.5, other.close))
            held[-1].start()

    with watched(locked):
        found = campaign(small_campaign, iterations=1)
    assert found.status in ENDS, found.reason
    assert [(one.state, one.reactor_starts) for one in found.iterations] == [("learned", 1)]
    assert any("database is locked" in text for text in warnings_said)
