"""Two commands that open the same campaign at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from campaigns.ledger import Ledger
from campaigns.specification import load
from flows import opening

LIBRARY = Path(__file__).parents[2] / "campaigns" / "library"


def test_two_at_once_go_on_with_one_campaign(tmp_path, monkeypatch):
    campaign = load(LIBRARY / "membrane.yaml")
    both_have_looked = threading.Barrier(2)

    def slowly(wanted):
        both_have_looked.wait(timeout=20)
        return {}

    monkeypatch.setattr(opening, "references", slowly)
    path = tmp_path / "lab.db"
    Ledger.open(path, simulated=True).close()

    def start(_):
        with Ledger.open(path, simulated=True) as ledger:
            return opening.find_or_start(ledger, campaign, fresh=False).id

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(start, range(2))
    assert first == second
    with Ledger.open(path, simulated=True) as ledger:
        assert [one.id for one in ledger.campaigns()] == [first]
