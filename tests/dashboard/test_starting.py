"""Campaigns started and gone on with by real processes, as the dashboard does it."""

import contextlib
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from campaigns.ledger import CampaignRecord, CampaignState, Ledger, ledger_path, ledgers
from campaigns.people import People, Person, Role
from campaigns.specification import load
from dashboard import starting
from dashboard.acts import Acts
from dashboard.starting import could_go_on
from models.errors import UnusableInput
from tests.conftest import LIBRARY

pytestmark = pytest.mark.slow

ADMIN = Person("ann", Role.ADMIN, "session")


@pytest.fixture
def acts(home: Path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    campaign = yaml.safe_load((LIBRARY / "membrane.yaml").read_text(encoding="utf-8"))
    campaign |= {
        "name": "small",
        "lab": str(LIBRARY / "labs" / "simulated-membrane.yaml"),
        "targets": [{"descriptor": "phase_fraction", "value": 0.6, "tolerance": "10 %"}],
        "budget": {"experiments": 1},
        "approval": {"policy": "always"},
    }
    campaign["imaging"]["views"][0] |= {"fields": {"min": 2, "max": 2}, "descriptors": ["phase_fraction"]}
    folder = home / "campaigns"
    folder.mkdir(parents=True)
    (folder / "small.yaml").write_text(yaml.safe_dump(campaign, allow_unicode=True), encoding="utf-8")
    with People.open(home) as people:
        yield Acts(home, people)
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            # The session's servers, and what they start meanwhile, are children of this process too.
            if child.environ().get("MORPHOLOOP_HOME") == str(home):
                child.kill()


def status(home: Path) -> tuple[str, str]:
    with ledgers(home) as opened:
        records = [record for ledger in opened for record in ledger.campaigns()]
        return (str(records[0].status), records[0].reason) if records else ("none", "")


def until(home: Path, log: Path, *wanted: str) -> str:
    deadline = time.monotonic() + 100
    while (now := status(home))[0] not in wanted:
        assert time.monotonic() < deadline, (now, log.read_text(encoding="utf-8")[-2000:])
        time.sleep(0.2)
    return now[1]


@pytest.mark.timeout(240)
def test_a_campaign_is_started_approved_and_goes_on_by_itself(acts, home):
    started = acts.start(ADMIN, "small", seed=3)
    assert (started.name, started.seed, started.simulated) == ("small", 3, True)
    assert "waits for an approval" in until(home, started.log, "waiting")
    with ledgers(home) as (ledger,):
        (proposal,) = ledger.waiting_for_approval()
        shown = acts.shown(ledger, proposal)
    acts.approve(ADMIN, proposal.id, shown=shown, reason="go")
    # The process that waited may still write its report; the next one takes over after it.
    reason = until(home, started.log, "converged", "budget_spent", "stalled")
    with ledgers(home) as (ledger,):
        found = ledger.status(ledger.campaigns()[0].id)
        assert [(one.state, one.reactor_starts) for one in found.iterations] == [("learned", 1)], reason
        assert ledger.verify_chain().holds
    assert [one.what for one in acts.people.audit()] == ["campaign started"]


def test_one_that_a_person_paused_does_not_go_on_by_a_decision(acts, home):
    campaign = load(home / "campaigns" / "small.yaml")
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        record = ledger.start_campaign(
            name="small",
            seed=0,
            specification=campaign.to_json(),
            digest=campaign.digest(),
            lab=str(campaign.lab),
            targets=(),
            units={},
            author="flow",
        )
        assert could_go_on(ledger, record)
        paused = ledger.set_status(record.id, "running", "waiting", author="kim", reason="paused: lunch")
        assert not could_go_on(ledger, paused)
        ledger.set_status(record.id, "waiting", "running", author="kim", reason="resumed")
        waiting = ledger.set_status(record.id, "running", "waiting", author="flow", reason="an approval")
        one = ledger.propose(
            record.id, index=1, conditions={"pH": 1.0}, units={}, model_version="m", author="flow"
        )
        assert not could_go_on(ledger, waiting)
        ledger.reject(one.id, author="kim", role="operator", limits={}, reason="no")
        assert could_go_on(ledger, waiting)
        ended = ledger.set_status(record.id, "waiting", "aborted", author="kim", reason="enough")
        assert not could_go_on(ledger, ended)


def test_only_files_that_lie_ready_are_started(acts, home):
    assert set(acts.starter.files()) == {"lmr-precursor", "membrane", "small"}
    for name in ("../small", str(home / "campaigns" / "small.yaml"), "none", ""):
        with pytest.raises(UnusableInput, match="There is no campaign file"):
            acts.start(ADMIN, name)
    assert acts.people.audit() == ()


def test_campaigns_that_prefect_runs_are_left_to_its_supervisor(acts, home, monkeypatch):
    began, asked, counts = threading.Event(), [], iter((1, 0))

    class Process:
        def wait(self) -> int:
            return 0

    def begun(self, file, arguments, log, *, simulated) -> Process:
        log.touch()
        began.set()
        return Process()

    def answered(url: str, *, json, timeout) -> httpx.Response:
        asked.append(json)
        return httpx.Response(200, json=next(counts), request=httpx.Request("POST", url))

    monkeypatch.setattr(starting.Starter, "_process", begun)
    monkeypatch.setattr("httpx.post", answered)
    record = CampaignRecord(
        "c-1", "c", 0, 1, True, CampaignState.RUNNING, "", "{}", "d", "lab", (), {}, 0.0, 0.0, "", "", ""
    )
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api/")
    assert acts.starter.go_on(record, lambda: True) is False
    assert not began.is_set()
    assert acts.starter.go_on(record, lambda: True) is True
    assert began.wait(10)
    assert asked[0] == {"flow_runs": {"tags": {"all_": ["campaign:c-1"]}}}
    assert acts.starter.go_on(record, lambda: False) is False
    monkeypatch.undo()
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert acts.starter.go_on(record, lambda: True) is False


def test_a_prefect_server_tells_which_campaigns_it_runs(prefect_api, monkeypatch):
    from prefect import flow, tags

    from dashboard.starting import _prefect_runs

    @flow(name="nothing")
    def nothing() -> None:
        pass

    monkeypatch.setenv("PREFECT_API_URL", prefect_api)
    with tags("campaign:known-s0-r1"):
        nothing()
    assert _prefect_runs("known-s0-r1") is True
    assert _prefect_runs("other-s0-r1") is False
