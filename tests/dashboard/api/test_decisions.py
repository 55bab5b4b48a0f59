"""Decisions over REST: exactly what was shown, once, by whom it says."""

import io
import threading
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from campaigns.ledger import Ledger, ledger_path
from campaigns.people import Role
from tests.dashboard.api.conftest import SHA256

pytestmark = pytest.mark.slow  # a page or a route takes a tenth of a second, and there are many


@pytest.fixture
def proposal(bench) -> str:
    return bench.propose()


@pytest.fixture
def shown(bench, proposal) -> str:
    return bench.client(Role.VIEWER).get(f"/proposals/{proposal}").json()["shown"]


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_proposal_is_shown_whole_and_approved_as_shown(bench, proposal):
    client = bench.browser("operator")
    assert proposal in [one["experiment"] for one in client.get("/proposals").json()["proposals"]]
    seen = client.get(f"/proposals/{proposal}").json()
    assert seen["limits"]["polymer_wt_pct"]["unit"] == "wt%"
    assert seen["simulated"] is True
    answer = client.post(f"/proposals/{proposal}/approve", json={"shown": seen["shown"], "reason": "fine"})
    assert answer.status_code == 200
    assert answer.json() | {"at": "", "expires_at": "", "hash": ""} == {
        "decision": "approved",
        "author": "operator",
        "role": "operator",
        "at": "",
        "expires_at": "",
        "reason": "fine",
        "hash": "",
    }
    with Ledger.open(ledger_path(bench.home, simulated=True), simulated=True) as ledger:
        last = ledger.history(bench.campaign, proposal)[-1]
        assert (last.author, last.to_state, last.facts["via"]) == ("operator", "approved", "session")
        assert ledger.verify_chain().holds


def test_a_decision_stands_although_no_process_could_be_started(bench, proposal, shown, monkeypatch, caplog):
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(bench.api.state.acts.starter, "go_on", full)
    answer = bench.client(Role.OPERATOR).post(f"/proposals/{proposal}/approve", json={"shown": shown})
    assert answer.json()["decision"] == "approved"
    assert "does not go on by itself: No space left" in caplog.text


def test_an_unsigned_approval_is_refused(bench, proposal, shown):
    path = f"/proposals/{proposal}/approve"
    assert code(bench.client().post(path, json={"shown": shown})) == (401, "not_signed_in")
    for body in ({}, {"shown": ""}, {"shown": shown[:12]}, {"shown": None}, {"shown": shown, "as": "ann"}):
        assert code(bench.client(Role.OPERATOR).post(path, json=body)) == (422, "unusable"), body
    assert code(bench.client(Role.OPERATOR).post(path, json={"shown": "0" * 64})) == (409, "not_as_shown")


def test_a_replayed_approval_is_refused(bench, proposal, shown):
    client = bench.client(Role.OPERATOR)
    path, body = f"/proposals/{proposal}/approve", {"shown": shown}
    assert client.post(path, json=body).status_code == 200
    again = client.post(path, json=body)
    assert code(again) == (409, "too_late")
    assert "approved by operator at" in again.json()["error"]["message"]
    with Ledger.open(ledger_path(bench.home, simulated=True), simulated=True) as ledger:
        ledger.transition(proposal, "approved", "proposed", author="flow", reason="expired")
    # It looks as before, but what was sent then is not a decision about now.
    assert code(client.post(path, json=body)) == (409, "not_as_shown")


def test_a_stale_approval_is_refused(bench, proposal, shown, monkeypatch):
    from dataclasses import replace

    acts = bench.api.state.acts
    limits = acts.limits

    def tightened(campaign):
        now = dict(limits(campaign))
        now["polymer_wt_pct"] = replace(now["polymer_wt_pct"], high=20.0)
        return now

    monkeypatch.setattr(acts, "limits", tightened)
    client = bench.client(Role.OPERATOR)
    answer = client.post(f"/proposals/{proposal}/approve", json={"shown": shown})
    assert code(answer) == (409, "not_as_shown")


def test_an_edit_is_a_proposal_of_its_own(bench, proposal, shown):
    client = bench.client(Role.OPERATOR)
    path = f"/proposals/{proposal}/edit"
    body = {"shown": shown, "reason": "less", "conditions": {"polymer_wt_pct": 12.5}}
    for conditions in ({"polymer_wt_pct": 99}, {"pH": 7}, {"polymer_wt_pct": "thick"}, {}):
        assert code(client.post(path, json=body | {"conditions": conditions})) == (422, "unusable")
    made = client.post(path, json=body)
    assert made.status_code == 201
    edited = made.json()
    assert edited["conditions"]["polymer_wt_pct"] == 12.5
    assert code(client.post(path, json=body)) == (409, "too_late")
    now = client.get(f"/proposals/{edited['experiment']}").json()
    assert (now["edited_from"], now["model"]) == (proposal, "")
    answer = client.post(f"/proposals/{edited['experiment']}/approve", json={"shown": now["shown"]})
    assert code(answer) == (409, "not_as_shown")
    assert "Nothing is predicted yet" in answer.json()["error"]["message"]
    rejected = client.post(
        f"/proposals/{edited['experiment']}/reject", json={"shown": now["shown"], "reason": "no"}
    )
    assert rejected.json()["decision"] == "rejected"


def test_of_two_people_at_once_one_wins_and_the_other_is_told(bench, proposal, shown):
    start, answers = threading.Barrier(2), {}

    def decide(name: str, decision: str, client) -> None:
        start.wait()
        body = {"shown": shown, "reason": "because"}
        answers[name] = client.post(f"/proposals/{proposal}/{decision}", json=body)

    clients = {"operator": bench.browser("operator"), "second": bench.browser("second")}
    threads = [
        threading.Thread(target=decide, args=(name, decision, clients[name]))
        for name, decision in (("operator", "approve"), ("second", "reject"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers.values()) == [200, 409]
    won, lost = sorted(answers, key=lambda name: answers[name].status_code)
    message = answers[lost].json()["error"]["message"]
    assert f"by {won} at" in message
    assert "this decision was not recorded" in message


def test_a_campaign_is_paused_resumed_and_aborted_once(bench):
    client = bench.client(Role.SCIENTIST)
    path = f"/campaigns/{bench.campaign}"
    assert code(client.post(f"{path}/pause", json={"reason": "  "})) == (422, "unusable")
    assert client.post(f"{path}/pause", json={"reason": "lunch"}).json()["status"] == "waiting"
    assert code(client.post(f"{path}/pause", json={"reason": "lunch"})) == (409, "not_possible")
    assert client.post(f"{path}/resume", json={}).json()["status"] == "running"
    moves = client.get("/audit", params={"who": "scientist", "about": bench.campaign}).json()["entries"]
    assert [one["what"] for one in moves] == ["running", "waiting"]
    assert moves[0]["facts"] == {"role": "scientist", "via": "token"}


def test_a_field_is_shown_and_left_out_with_a_reason(bench, proposal):
    index = int(proposal[-3:])
    client = bench.client(Role.OPERATOR)
    path = f"/campaigns/{bench.campaign}/experiments/{index}"
    (row,) = client.get(f"{path}/micrographs").json()["micrographs"]
    assert row["kind"] == "measured"
    assert Image.open(io.BytesIO(client.get(row["picture"]).content)).size == (8, 8)
    assert code(client.get(row["file"])) == (404, "not_found")
    reject = f"{path}/micrographs/{SHA256}/reject"
    assert client.post(reject, json={"reason": "a fibre"}).status_code == 204
    assert code(client.post(reject, json={"reason": "a fibre"})) == (404, "not_found")
    seen = client.get(path).json()
    assert [one["kind"] for one in seen["micrographs"]] == ["rejected"]
    assert seen["history"][-1]["reason"] == "field 0 at 5000× rejected: a fibre"
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    found = client.get("/audit", params={"who": "operator", "since": since}).json()["entries"]
    assert any(one["reason"].endswith("a fibre") for one in found)
