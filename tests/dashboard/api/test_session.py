"""Signing in: cookies, limits, proxies, and what is sent with every answer."""

import json
import re

import pytest
from fastapi.testclient import TestClient

from campaigns.people import Role
from dashboard.api import create_api
from dashboard.security import COOKIE, Guard, Settings
from models.errors import UnusableInput
from tests.dashboard.api.conftest import PASSWORD, NoNetworks

pytestmark = pytest.mark.slow  # a page or a route takes a tenth of a second, and there are many


def code(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(bench):
    client = bench.client()
    answer = client.post("/session", json={"name": " OPERATOR ", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"):
        assert part in cookie
    assert "Secure" not in cookie
    assert client.cookies[COOKIE].encode() not in (bench.home / "people.db").read_bytes()
    assert client.get("/session").json()["may"] == [
        "audit", "clear", "confirm", "decide", "explore", "read", "reject_field", "stop"
    ]  # fmt: skip
    encrypted = TestClient(bench.api, base_url="https://lab.example")
    answer = encrypted.post("/session", json={"name": "operator", "password": PASSWORD})
    assert "Secure" in answer.headers["set-cookie"]


def test_signing_out_ends_the_session_for_whoever_has_its_cookie(bench):
    client = bench.browser("operator")
    cookie = client.cookies[COOKIE]
    assert client.delete("/session").status_code == 204
    client.cookies.set(COOKIE, cookie)
    assert code(client.get("/session")) == (401, "not_signed_in")


def test_a_disabled_person_is_out_at_once(bench):
    admin = bench.client(Role.ADMIN)
    body = {"name": "leaving", "role": "operator", "password": PASSWORD}
    assert admin.post("/people", json=body).status_code == 201
    token = admin.post("/people/leaving/tokens", json={"label": "x"}).json()["secret"]
    client = bench.browser("leaving")
    by_token = bench.client()
    by_token.headers["Authorization"] = f"Bearer {token}"
    assert (client.get("/session").status_code, by_token.get("/session").status_code) == (200, 200)
    assert admin.patch("/people/leaving", json={"role": "viewer"}).json()["role"] == "viewer"
    assert client.get("/session").json()["role"] == "viewer"
    assert admin.patch("/people/leaving", json={"disabled": True, "reason": "left"}).status_code == 200
    for one in (client, by_token):
        assert code(one.get("/session")) == (401, "not_signed_in")
    assert code(bench.client().post("/session", json=body | {"role": None})) == (422, "unusable")
    refused = bench.client().post("/session", json={"name": "leaving", "password": PASSWORD})
    assert code(refused) == (401, "not_signed_in")


def test_a_password_is_changed_by_whoever_knows_it(bench):
    admin = bench.client(Role.ADMIN)
    admin.post("/people", json={"name": "changing", "role": "viewer", "password": PASSWORD})
    client = bench.browser("changing")
    new = "another long pass phrase "
    wrong = client.put("/session/password", json={"old": "no", "new": new})
    assert code(wrong) == (401, "not_signed_in")
    assert code(client.put("/session/password", json={"old": PASSWORD, "new": "short"})) == (422, "unusable")
    assert client.put("/session/password", json={"old": PASSWORD, "new": new}).status_code == 204
    assert client.get("/session").status_code == 401
    for password, status in ((PASSWORD, 401), (new.strip(), 401), (new, 200)):
        answer = bench.client().post("/session", json={"name": "changing", "password": password})
        assert answer.status_code == status


def test_wrong_sign_ins_are_limited_by_name_and_address_and_are_on_record(bench):
    def attempt(address: str, name: str = "second", password: str = "wrong"):
        client = TestClient(bench.api, client=(address, 1))
        return client.post("/session", json={"name": name, "password": password})

    assert [attempt("10.0.0.1").status_code for _ in range(6)] == [401] * 5 + [429]
    limited = attempt("10.0.0.1", password=PASSWORD)
    assert code(limited) == (429, "too_many_attempts")
    assert 0 < int(limited.headers["retry-after"]) <= 901
    # Whoever tries from there keeps nobody out who comes from elsewhere.
    assert attempt("10.0.0.2", password=PASSWORD).status_code == 200
    events = bench.client(Role.ADMIN).get("/audit", params={"what": "sign-in refused", "who": "second"})
    assert [one["address"] for one in events.json()["entries"]] == ["10.0.0.1"] * 5


def test_a_proxy_is_believed_only_where_it_is_trusted(bench, monkeypatch):
    def api(settings: Settings):
        guard = Guard(bench.people, settings)
        return create_api(bench.home, people=bench.people, guard=guard, worker=NoNetworks())

    monkeypatch.setenv("MORPHOLOOP_PROXY_HEADER", "X-Forwarded-User")
    with pytest.raises(UnusableInput, match="anybody could send that header"):
        Settings.from_environment()
    monkeypatch.setenv("MORPHOLOOP_TRUSTED_PROXIES", "10.1.0.0/16, ::1")
    trusting = api(Settings.from_environment())
    named = {"X-Forwarded-User": "Operator", "X-Forwarded-For": "203.0.113.9"}
    for app, address, status in (
        (bench.api, "10.1.2.3", 401),
        (trusting, "10.2.0.1", 401),
        (trusting, "10.1.2.3", 200),
    ):
        client = TestClient(app, client=(address, 1))
        assert client.get("/session", headers=named).status_code == 401
        assert client.post("/session/proxy", headers=named).status_code == status, address
    # The session is that person's for as long as the proxy says so.
    assert client.get("/session", headers=named).json()["name"] == "operator"
    assert client.get("/session").status_code == 401
    assert client.get("/session", headers=named | {"X-Forwarded-User": "admin"}).status_code == 401
    event = bench.people.audit()[0]
    assert (event.what, event.address, event.facts) == ("signed in", "203.0.113.9", {"via": "proxy"})
    stranger = client.post("/session/proxy", headers=named | {"X-Forwarded-User": "stranger"})
    assert code(stranger) == (401, "not_signed_in")


def test_every_answer_carries_the_headers_and_nothing_of_the_machine(bench):
    client = bench.client(Role.VIEWER)
    for path in ("/campaigns", "/none", f"/campaigns/{bench.campaign}/report", "/openapi.json"):
        answer = client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    for path in ("/campaigns/files", "/labs", "/models", "/proposals"):
        assert str(bench.home) not in client.get(path).text


def test_bodies_are_limited_and_images_are_told_by_their_content(bench):
    client = bench.client(Role.SCIENTIST)
    assert code(client.post("/campaigns", content=b"x" * 70_000)) == (413, "too_large")
    lies = client.post("/campaigns", content=b"{}", headers={"Content-Length": "many"})
    assert code(lies) == (413, "too_large")

    def quantify(**files):
        return client.post("/quantify", files=[("images", one) for one in files["images"]])

    assert code(client.post("/quantify", json={})) == (415, "not_an_image")
    assert code(quantify(images=[("a.png", b"<svg onload=alert(1)>")])) == (415, "not_an_image")
    many = [("a.png", b"\x89PNG\r\n\x1a\n")] * 21
    assert code(quantify(images=many)) == (422, "unusable")
    answer = quantify(images=[("../../etc/a.png", b"\x89PNG\r\n\x1a\n")])
    assert answer.json()["error"]["message"] == "measure_images is not computed here."


@pytest.mark.parametrize(
    "sent",
    [
        b"{",
        b"[]",
        b'{"file": "\\ud800"}',
        b'{"file": "a\\u0000b"}',
        b'{"file": "../../lab.db"}',
        b'{"file": "membrane", "seed": 1e400}',
        b'{"file": "membrane", "seed": NaN}',
        b'{"file": "membrane", "seed": -1}',
        '{"file": "é"}'.encode("latin-1"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_shape(bench, sent):
    answer = bench.client(Role.SCIENTIST).post(
        "/campaigns", content=sent, headers={"Content-Type": "application/json"}
    )
    assert code(answer) == (422, "unusable")
    assert re.match(r"^[A-Z].*[.)]$", answer.json()["error"]["message"]), answer.text


def test_what_goes_wrong_here_is_told_to_the_log_alone(bench, monkeypatch, caplog):
    def broken(*_: object) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(bench.people, "people", broken)
    client = bench.client(Role.ADMIN, raise_server_exceptions=False)
    answer = client.get("/people")
    assert code(answer) == (500, "internal")
    assert "secret" not in answer.text
    assert "secret of the house" in caplog.text


def test_the_openapi_tells_every_route_and_the_shape_of_refusals(bench):
    schema = bench.client().get("/openapi.json").json()
    assert len(schema["paths"]) >= 40
    refusal = schema["components"]["schemas"]["Problem"]
    assert json.dumps(refusal).count("error") >= 1
    for path in schema["paths"].values():
        for operation in path.values():
            assert {"401", "403", "409", "422"} <= set(operation["responses"])
            assert operation["summary"]
            assert operation["description"]
