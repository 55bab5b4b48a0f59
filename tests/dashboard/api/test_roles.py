"""Every route with every role, and with nobody: allowed or refused as the table in the docs says."""

from pathlib import Path

import pytest

from campaigns.people import MAY, Act, Role
from dashboard.api.rules import Rule, rules, table
from tests.dashboard.api.conftest import SHA256

pytestmark = pytest.mark.slow  # a page or a route takes a tenth of a second, and there are many

DOCS = Path(__file__).parents[3] / "docs"
RULES = [rule for rule in rules() if not rule.open]


def asked(bench, rule: Rule, client, **options):
    """The route with values that fit, so that only the role can be wrong."""
    path = rule.path.format(
        campaign_id=bench.campaign,
        index=1,
        sha256=SHA256,
        experiment_id=f"{bench.campaign}-001",
        lab="none",
        key="none",
        version="none",
        name="nobody",
        token_id=999,
    )
    return client.request(rule.method, path, **options)


def test_the_docs_show_this_table():
    assert table() in (DOCS / "rest-api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("role", Role)
def test_a_role_may_use_what_the_table_says_and_nothing_else(bench, role):
    if not bench.client(Role.VIEWER).get("/proposals").json()["proposals"]:
        bench.propose()
    client, wrong = bench.client(role), []
    for rule in RULES:
        body = {} if rule.method in ("POST", "PATCH", "PUT") else None
        status = asked(bench, rule, client, json=body).status_code
        if rule.path == "/session/password":
            # A token is no password, whoever sends it.
            fits = status in (401, 422)
        elif role in rule.roles:
            fits = status not in (401, 403) and status < 500
        else:
            fits = status == 403
        if not fits:
            wrong.append((rule.method, rule.path, status))
    assert wrong == []


def test_nobody_may_use_anything_but_the_sign_in(bench):
    opened = [(rule.method, rule.path) for rule in rules() if rule.open]
    assert opened == [("POST", "/session"), ("POST", "/session/proxy")]
    for headers in ({}, {"Authorization": "Bearer mlt_wrong"}, {"Authorization": "Basic YTpi"}):
        client = bench.client()
        client.headers.update(headers)
        answers = {rule.path: asked(bench, rule, client) for rule in RULES}
        assert {answer.status_code for answer in answers.values()} == {401}
        assert {answer.json()["error"]["code"] for answer in answers.values()} == {"not_signed_in"}


def test_a_header_or_cookie_of_nobody_opens_nothing(bench):
    client = bench.client()
    client.cookies.set("morpholoop_session", "x" * 43)
    for rule in RULES:
        assert asked(bench, rule, client).status_code == 401, rule


def test_a_browser_changes_nothing_without_the_proof_that_our_page_asks(bench):
    client = bench.browser("operator")
    for proof in (None, "0" * 64):
        client.headers.pop("X-CSRF-Token", None)
        if proof:
            client.headers["X-CSRF-Token"] = proof
        for rule in RULES:
            if rule.method != "GET":
                answer = asked(bench, rule, client)
                assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf"), rule


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_changes_nothing(bench, site):
    client = bench.browser("operator")
    for rule in rules():
        if rule.method != "GET":
            answer = asked(bench, rule, client, headers={"Sec-Fetch-Site": site})
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "cross_site"), rule
            answer = asked(bench, rule, client, headers={"Origin": "http://127.0.0.1:8081"})
            assert answer.status_code == 403, rule


def test_what_the_roles_are_for():
    """Written out once more, so that nobody gives a role more by an oversight."""
    assert {act for act in Act if all(act in MAY[role] for role in Role)} == {Act.READ, Act.STOP}
    assert MAY[Role.VIEWER] == {Act.READ, Act.STOP}
    assert {role for role in Role if Act.DECIDE in MAY[role]} == {Role.OPERATOR, Role.ADMIN}
    assert {role for role in Role if Act.RUN in MAY[role]} == {Role.SCIENTIST, Role.ADMIN}
    assert {role for role in Role if Act.PROMOTE in MAY[role]} == {Role.SCIENTIST, Role.ADMIN}
    assert {role for role in Role if Act.CLEAR in MAY[role]} == {Role.OPERATOR, Role.ADMIN}
    assert {role for role in Role if Act.PEOPLE in MAY[role]} == {Role.ADMIN}
    rows = [[f"may {act.value}", *("yes" if act in MAY[role] else "–" for role in Role)] for act in Act]
    shown = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    assert shown in (DOCS / "security.md").read_text(encoding="utf-8")
