"""Labs over REST: anybody who is signed in stops them, an operator clears them and answers their tasks."""

import pytest

from campaigns.people import Role
from dashboard import lab_acts
from devices.errors import LabStopped
from devices.labfile import load_lab
from devices.manual.board import Board
from devices.manual.task import Ask, Task
from tests.conftest import LIBRARY

pytestmark = pytest.mark.slow  # a page or a route takes a tenth of a second, and there are many

LAB = LIBRARY / "labs" / "simulated-membrane.yaml"


@pytest.fixture
def lab(bench) -> str:
    """A lab that a campaign opened here, and let go."""
    state = bench.home / "simulated" / "labs" / "a-campaign"
    state.mkdir(parents=True, exist_ok=True)
    with load_lab(LAB, state_dir=state, seed=1, stop_dir=bench.home / "simulated") as opened:
        return opened.name


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_viewer_stops_and_an_operator_clears(bench, lab):
    viewer, operator = bench.client(Role.VIEWER), bench.client(Role.OPERATOR)
    (seen,) = viewer.get("/labs").json()["labs"]
    assert (seen["lab"], seen["simulated"], seen["held"], seen["order"]) == (lab, True, False, None)
    assert {value["name"] for value in seen["values"]} > {"magnification"}
    stopped = viewer.post(f"/labs/{lab}/stop", json={"reason": "smoke"}).json()
    assert stopped == {"stopped": True, "told": ["a-campaign: stopped"]}
    (seen,) = viewer.get("/labs").json()["labs"]
    assert (seen["order"]["author"], seen["order"]["reason"]) == ("viewer", "smoke")
    state = bench.home / "simulated" / "labs" / "a-campaign"
    with load_lab(LAB, state_dir=state, seed=1, stop_dir=bench.home / "simulated") as opened:
        given = {"polymer_wt_pct": 18.0}
        with pytest.raises(LabStopped):
            opened.synthesise("key", given)
    assert code(viewer.post("/labs/clear", json={})) == (403, "not_allowed")
    cleared = operator.post(f"/labs/{lab}/clear", json={"reason": "aired"}).json()["cleared"]
    assert [one["reason"] for one in cleared] == ["smoke"]
    assert operator.post("/labs/clear", json={}).json() == {"cleared": []}
    events = operator.get("/audit", params={"about": lab}).json()["entries"]
    assert [(one["author"], one["what"], one["reason"]) for one in events] == [
        ("operator", "lab cleared", "aired"),
        ("viewer", "lab stopped", "smoke"),
    ]


def test_a_lab_that_a_campaign_is_about_to_open_is_stopped_too(bench, monkeypatch):
    state = bench.home / "simulated" / "labs" / "another-campaign"
    monkeypatch.setattr(lab_acts, "opened", lambda home: [])
    assert bench.client(Role.VIEWER).post("/labs/stop", json={"reason": "wait"}).json()["stopped"] is True
    with (
        load_lab(LAB, state_dir=state, seed=1, stop_dir=bench.home / "simulated") as opened,
        pytest.raises(LabStopped, match="wait"),
    ):
        opened.synthesise("key", {"polymer_wt_pct": 18.0})
    cleared = bench.client(Role.OPERATOR).post("/labs/clear", json={}).json()["cleared"]
    assert [one["reason"] for one in cleared] == ["wait"]


def test_a_lab_that_was_never_opened_here_is_not_there(bench, lab):
    client = bench.client(Role.OPERATOR)
    for path in ("/labs/none/stop", "/labs/none/clear", "/labs/..%2F..%2Fetc/stop"):
        assert code(client.post(path, json={})) == (404, "not_found")


def test_a_stop_does_not_fail_for_want_of_a_record(bench, lab, monkeypatch, caplog):
    from campaigns.ledger import LedgerError

    def away(*_: object, **__: object) -> None:
        raise LedgerError("The database is away.")

    monkeypatch.setattr(bench.people, "note", away)
    assert bench.client(Role.VIEWER).post("/labs/stop", json={}).json()["stopped"] is True
    assert "is not in the audit: The database is away." in caplog.text
    monkeypatch.undo()
    assert len(bench.client(Role.ADMIN).post("/labs/clear", json={}).json()["cleared"]) == 1


def test_tasks_are_answered_once(bench):
    board = Board(bench.home / "manual")
    for key in ("b-1", "b-2"):
        board.post(
            Task(
                id=f"{key}@reactor",
                key=key,
                device="reactor",
                title="Make the batch",
                asks=(Ask(name="temperature_C", unit="°C", asked=50.0, low=20.0, high=80.0),),
                asked_at="2026-01-01T00:00:00+00:00",
            )
        )
    client = bench.client(Role.OPERATOR)
    assert [one["key"] for one in client.get("/tasks").json()["tasks"]] == ["b-1", "b-2"]
    wrong = client.post("/tasks/b-1/confirm", json={"values": {"temperature_C": "warm"}})
    assert code(wrong) == (409, "lab_refused")
    done = client.post("/tasks/b-1/confirm", json={"values": {"temperature_C": "81.5"}}).json()
    assert (done["state"], done["closed_by"]) == ("done", "operator")
    assert done["answer"]["flags"]
    assert code(client.post("/tasks/b-1/confirm", json={"values": {}})) == (409, "lab_refused")
    assert code(client.post("/tasks/b-2/decline", json={"reason": " "})) == (422, "unusable")
    assert client.post("/tasks/b-2/decline", json={"reason": "spilt"}).json()["state"] == "rejected"
    assert client.get("/tasks").json()["tasks"] == []
    assert len(client.get("/tasks", params={"every": True}).json()["tasks"]) == 2
    events = client.get("/audit", params={"about": "b-"}).json()["entries"]
    assert [one["what"] for one in events] == ["task declined", "task confirmed"]
