"""The client against a real server with the API, over HTTP."""

import threading
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from campaigns.people import Role
from dashboard import client as paging
from dashboard.client import Client, Refused
from tests.ports import free_port

pytestmark = pytest.mark.slow  # a page or a route takes a tenth of a second, and there are many


@pytest.fixture(scope="module")
def address(bench) -> Iterator[str]:
    app = FastAPI()
    app.mount("/api/v1", bench.api)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.02)
        assert thread.is_alive()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def operator(bench, address) -> Iterator[Client]:
    with Client(address, token=bench.tokens[Role.OPERATOR]) as client:
        yield client


def test_a_script_reads_decides_and_is_told_what_it_may_not(bench, address, operator):
    experiment = bench.propose()
    assert operator.who().role is Role.OPERATOR
    assert [one.campaign for one in operator.campaigns()] == [bench.campaign]
    assert operator.campaign(bench.campaign)["status"] == "running"
    assert "Experiment 1" in operator.report(bench.campaign)
    assert experiment in [one.experiment for one in operator.proposals()]
    seen = operator.proposal(experiment)
    edited = operator.edit(seen, {"polymer_wt_pct": 20.0}, "thicker")
    assert edited.conditions["polymer_wt_pct"] == 20.0
    with pytest.raises(Refused) as refused:
        operator.approve(seen)
    assert (refused.value.status, refused.value.code) == (409, "too_late")
    again = operator.proposal(edited.experiment)
    assert operator.reject(again, "after all not").author == "operator"
    assert operator.approve(operator.proposal(bench.propose()), "fine").decision == "approved"
    assert operator.audit(what="approved", limit=1)[0].author == "operator"
    with pytest.raises(Refused, match="may not start, pause"):
        operator.pause(bench.campaign, "lunch")
    with pytest.raises(Refused, match="may not manage people"):
        operator.people()
    assert operator.stop("smoke").stopped
    assert operator.labs() == []
    # No lab was opened here yet, but the campaign that runs is about to open one.
    assert [one.reason for one in operator.clear().cleared] == ["smoke"]


def test_a_scientist_steers_and_chooses_models(bench, address):
    with Client(address, token=bench.tokens[Role.SCIENTIST]) as client:
        assert client.pause(bench.campaign, "lunch").status == "waiting"
        assert client.resume(bench.campaign).status == "running"
        assert [one.version for one in client.models() if one.current] == ["lmr-6"]
        with pytest.raises(Refused, match="no version 'lmr-9'"):
            client.promote("lmr-9")
        with pytest.raises(Refused, match="no campaign file 'none'; there are: lmr-precursor, membrane"):
            client.start("none")
        with pytest.raises(Refused, match="is not computed here"):
            client.predict({"pH": 10.5})


def test_experiments_come_page_after_page(bench, operator, monkeypatch):
    monkeypatch.setattr(paging, "PAGE", 2)
    while len(list(operator.experiments(bench.campaign))) < 5:
        bench.propose()
    indices = [one["index"] for one in operator.experiments(bench.campaign)]
    assert indices == list(range(1, len(indices) + 1))


def test_a_wrong_token_and_a_silent_server_are_told(address):
    with Client(address, token="mlt_no") as client, pytest.raises(Refused) as refused:
        client.who()
    assert refused.value.code == "not_signed_in"
    with Client(address + "/elsewhere", token="x") as client, pytest.raises(Refused, match="was 404"):
        client.who()
    with Client("http://127.0.0.1:1", token="x") as client, pytest.raises(httpx.ConnectError):
        client.who()
