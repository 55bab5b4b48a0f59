"""Signing in and out, STOP, pictures and reports: what works without scripts, and for whom."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from campaigns.people import Role
from dashboard.app import add_routes
from dashboard.desk import Desk
from dashboard.security import COOKIE
from devices.stopping import stop_file
from tests.conftest import LIBRARY
from tests.dashboard.visiting import session_of

pytestmark = pytest.mark.slow  # a page or a route takes a tenth of a second, and there are many

PASSWORD = "a long enough pass phrase"


@pytest.fixture
def desk(home) -> Iterator[Desk]:
    home.mkdir(parents=True, exist_ok=True)
    made = Desk(home)
    yield made
    made.close()


@pytest.fixture
def client(desk) -> TestClient:
    app = FastAPI()
    add_routes(app, desk)
    return TestClient(app, follow_redirects=False)


def _signed_in(client, desk, role=Role.VIEWER) -> str:
    """The session's CSRF token."""
    secret = session_of(desk, role)
    client.cookies.set(COOKIE, secret)
    return desk.people.by_session(secret).csrf


def test_before_anybody_is_there_the_page_says_how_to_make_the_first(client):
    assert "morpholoop user add NAME --role admin" in client.get("/sign-in").text


def test_signing_in_and_out(client, desk):
    desk.people.add("ann", "admin", PASSWORD, by="test")
    wrong = client.post("/sign-in", data={"name": "ann", "password": "guess"})
    assert wrong.status_code == 401
    assert "The name or the password is wrong" in wrong.text
    assert COOKIE not in wrong.cookies
    right = client.post("/sign-in", data={"name": "ann", "password": PASSWORD, "to": "/lab"})
    assert (right.status_code, right.headers["location"]) == (303, "/lab")
    assert "httponly" in right.headers["set-cookie"].lower()
    assert "samesite=strict" in right.headers["set-cookie"].lower()
    secret = right.cookies[COOKIE]
    csrf = desk.people.by_session(secret).csrf
    client.cookies.set(COOKIE, secret)
    assert client.post("/sign-out", data={"csrf": csrf}).status_code == 303
    assert desk.visitor(_Asks(secret)) is None


class _Asks:
    """A request that carries a cookie."""

    def __init__(self, secret: str) -> None:
        self.cookies, self.headers, self.client = {COOKIE: secret}, {}, None


@pytest.mark.parametrize(
    "to", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x"]
)
def test_signing_in_leads_nowhere_else(client, desk, to):
    desk.people.add("ann", "admin", PASSWORD, by="test")
    answer = client.post("/sign-in", data={"name": "ann", "password": PASSWORD, "to": to})
    assert answer.headers["location"] == "/"


def _opened_lab(home) -> None:
    """A simulated lab that was opened once and is driven by nobody."""
    folder = home / "simulated" / "labs" / "membrane-s0-r1"
    folder.mkdir(parents=True)
    snapshot = {
        "lab": "simulated-membrane",
        "file": str(LIBRARY / "labs" / "simulated-membrane.yaml"),
        "simulated": True,
        "seed": 0,
        "holder": None,
        "open": False,
        "at": datetime.now(UTC).isoformat(),
        "lab_time": "2026-01-01T00:00:00Z",
        "state": "idle",
        "run_id": "",
        "running": None,
        "starts": 0,
        "microscope": "idle",
        "sample": "",
    }
    (folder / "lab.json").write_text(json.dumps(snapshot))


def test_anybody_who_is_signed_in_stops_the_lab_in_one_act(client, desk, home):
    _opened_lab(home)
    csrf = _signed_in(client, desk, Role.VIEWER)
    answer = client.post("/stop", data={"csrf": csrf, "back": "/lab"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/lab"
    word = desk.word_for(desk.visitor(_Asks(client.cookies[COOKIE])))
    assert word.startswith("STOPPED (simulated-membrane)")
    order = json.loads(stop_file(home / "simulated", "simulated-membrane").read_text())
    assert order["author"] == "the-viewer"


def test_a_stop_is_neither_for_strangers_nor_for_other_sites(client, desk, home):
    _opened_lab(home)
    assert client.post("/stop", data={"csrf": "x"}).headers["location"].startswith("/sign-in")
    csrf = _signed_in(client, desk)
    assert client.post("/stop", data={"csrf": "guessed"}).status_code == 403
    crossing = {"sec-fetch-site": "cross-site"}
    assert client.post("/stop", data={"csrf": csrf}, headers=crossing).status_code == 403
    assert not stop_file(home / "simulated", "simulated-membrane").exists()


def test_behind_a_proxy_everything_leads_back_under_its_path(client, desk):
    desk.people.add("ann", "admin", PASSWORD, by="test")
    behind = {"x-forwarded-prefix": "/window"}
    assert client.get("/campaigns/x/report", headers=behind).headers["location"].startswith("/window/sign-in")
    assert 'action="/window/sign-in"' in client.get("/sign-in", headers=behind).text
    form = {"name": "ann", "password": PASSWORD, "to": "/lab"}
    assert client.post("/sign-in", data=form, headers=behind).headers["location"] == "/window/lab"


def test_pictures_and_reports_are_for_those_who_are_signed_in(client, desk, campaign_id):
    picture = f"/pictures/{campaign_id}-001/{'ab' * 32}/outlined"
    assert client.get(picture).status_code == 401
    assert client.get(f"/campaigns/{campaign_id}/report").status_code == 303
    _signed_in(client, desk)
    answer = client.get(picture)
    assert Image.open(io.BytesIO(answer.content)).size == (8, 8)
    assert "immutable" in answer.headers["cache-control"]
    report = client.get(f"/campaigns/{campaign_id}/report")
    assert "0.4 … 0.42" in report.text
    assert "default-src 'none'" in report.headers["content-security-policy"]


def test_only_what_a_ledger_names_is_shown(client, desk, campaign_id):
    _signed_in(client, desk)
    for path in (
        f"/pictures/{campaign_id}-001/{'cd' * 32}/outlined",
        f"/pictures/{campaign_id}-009/{'ab' * 32}/outlined",
        f"/pictures/{campaign_id}-001/..%2F..%2Flab.db/outlined",
        "/campaigns/none/report",
    ):
        assert client.get(path).status_code == 404, path
    # The field itself is gone from the store; its overlay is there.
    assert client.get(f"/pictures/{campaign_id}-001/{'ab' * 32}/small").status_code == 404
