"""People, decisions in a real lab, and the audit, from the command line."""

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest

from campaigns.ledger import Ledger, ledger_path
from campaigns.specification import load
from cli.main import run
from tests.conftest import LIBRARY

pytestmark = pytest.mark.slow

PASSWORD = "seven samples of grey powder"


@pytest.fixture
def say(capsys, monkeypatch):
    """Run a command with text on standard input; what it printed, and what it said beside."""

    def said(*arguments: str, typed: str = "", status: int = 0) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as end:
            run(list(arguments))
        out, err = capsys.readouterr()
        assert end.value.code == status, out + err
        return out if status == 0 else out + err

    return said


@pytest.fixture
def kim(say) -> None:
    say("user", "add", "kim", "--role", "operator", "--password-stdin", typed=PASSWORD + "\n")


@pytest.fixture
def proposal(home: Path) -> str:
    """A proposal in a real lab (whose limits are those of the shipped lab file)."""
    campaign = load(LIBRARY / "membrane.yaml")
    with Ledger.open(ledger_path(home, simulated=False), simulated=False) as ledger:
        record = ledger.start_campaign(
            name="real",
            seed=0,
            specification=campaign.to_json(),
            digest="d",
            lab="lab",
            targets=(),
            units={},
            author="test",
        )
        conditions = {p.name: p.bounds[0] for p in campaign.parameters if p.bounds}
        one = ledger.propose(
            record.id,
            index=1,
            conditions=conditions,
            units=campaign.units(),
            model_version="m",
            author="test",
        )
    return one.id


def shown(say, experiment: str) -> str:
    return str(json.loads(say("approvals", "show", experiment, "--json"))["shown"])[:12]


def test_a_real_lab_takes_a_known_person_who_says_what_was_shown(say, kim, proposal, home):
    told = say("approvals", "approve", proposal, status=2)
    assert "a known person has to decide" in told
    signed = ("--user", "kim", "--password-stdin")
    assert "Say what you were shown" in say(
        "approvals", "approve", proposal, *signed, typed=PASSWORD, status=2
    )
    seen = ("--shown", shown(say, proposal))
    told = say("approvals", "approve", proposal, *signed, *seen, typed="wrong", status=2)
    assert told == "The name or the password is wrong.\n"
    told = say("approvals", "approve", proposal, *signed, "--shown", "0" * 12, typed=PASSWORD, status=2)
    assert "not what you were shown" in told
    assert "approved by kim" in say("approvals", "approve", proposal, *signed, *seen, typed=PASSWORD)
    told = say("approvals", "reject", proposal, "--reason", "no", *signed, *seen, typed=PASSWORD, status=2)
    assert "is approved already (approved by kim" in told
    with Ledger.open(ledger_path(home, simulated=False), simulated=False) as ledger:
        (decision,) = ledger.approvals(proposal)
        assert (decision.author, decision.role) == ("kim", "operator")
        assert ledger.history("real-s0-r1", proposal)[-1].facts["via"] == "password"


def test_a_token_decides_until_it_is_revoked_and_only_in_its_role(say, kim, proposal, monkeypatch):
    say("user", "add", "vera", "--role", "viewer", "--no-password")
    made = {
        name: json.loads(say("user", "token", name, "--label", "test", "--json")) for name in ("kim", "vera")
    }
    seen = ("--shown", shown(say, proposal))
    monkeypatch.setenv("MORPHOLOOP_TOKEN", made["vera"]["secret"])
    told = say("approvals", "approve", proposal, *seen, status=2)
    assert (
        told
        == "vera is a viewer and may not approve, reject and edit proposals; it takes: operator, admin.\n"
    )
    say("user", "token", "kim", "--revoke", str(made["kim"]["token"]["id"]))
    monkeypatch.setenv("MORPHOLOOP_TOKEN", made["kim"]["secret"])
    assert "was revoked" in say("approvals", "approve", proposal, *seen, status=2)
    again = json.loads(say("user", "token", "kim", "--label", "again", "--json"))["secret"]
    monkeypatch.setenv("MORPHOLOOP_TOKEN", again)
    changes = ("--set", "polymer_wt_pct=15.5", "--reason", "less of it")
    edited = json.loads(say("approvals", "edit", proposal, *changes, *seen, "--json"))
    assert edited["conditions"]["polymer_wt_pct"] == 15.5
    seen = ("--shown", shown(say, edited["experiment"]))
    assert "Nothing is predicted yet" in say("approvals", "approve", edited["experiment"], *seen, status=2)
    for wrong in ("pH=1", "polymer_wt_pct=thick", "polymer_wt_pct"):
        told = say("approvals", "edit", proposal, "--set", wrong, "--reason", "x", *seen, status=2)
        assert "expected" in told


def test_there_is_always_an_administrator_and_no_password_in_the_open(say, home):
    say("user", "add", "ann", "--role", "admin", "--password-stdin", typed=PASSWORD)
    assert "only administrator" in say("user", "disable", "ann", status=2)
    assert "only administrator" in say("user", "role", "ann", "viewer", status=2)
    assert "There is no terminal" in say("user", "add", "bob", "--role", "viewer", status=2)
    told = say("user", "add", "bob", "--role", "viewer", "--password-stdin", typed="short", status=2)
    assert "5 characters" in told
    assert "no role 'king'" in say("user", "add", "bob", "--role", "king", status=2)
    say("user", "add", "bob", "--role", "admin", "--password-stdin", typed=PASSWORD)
    say("user", "disable", "ann", "--reason", "left")
    assert "disabled" in say("user", "list")
    say("user", "enable", "ann")
    say("user", "role", "ann", "viewer")
    say("user", "password", "ann", "--password-stdin", typed="another long password")
    kept = (home / "people.db").read_bytes()
    assert PASSWORD.encode() not in kept
    assert (home / "people.db").stat().st_mode & 0o077 == 0


def test_the_audit_lists_exports_and_finds_what_was_changed(say, kim, proposal, home, tmp_path):
    seen = ("--shown", shown(say, proposal))
    say("approvals", "reject", proposal, "--reason", "=dry", "--user", "kim", "--password-stdin", *seen,
        typed=PASSWORD)  # fmt: skip
    entries = json.loads(say("audit", "list", "--json"))["entries"]
    assert [(one["author"], one["what"]) for one in entries][:3] == [
        ("kim", "rejected"),
        ("kim", "signed in"),
        ("test", "proposed"),
    ]
    assert [one["what"] for one in json.loads(say("audit", "list", "--who", "kim", "--json"))["entries"]] == [
        "rejected",
        "signed in",
    ]
    assert "Nothing of the kind" in say("audit", "list", "--since", "2100-01-01")
    assert "is no time" in say("audit", "list", "--since", "yesterday", status=2)
    say("audit", "export", str(tmp_path / "all.csv"))
    rows = list(csv.DictReader((tmp_path / "all.csv").read_text().splitlines()))
    assert (len(rows), rows[0]["reason"]) == (len(entries), "'=dry")
    say("audit", "export", str(tmp_path / "kim.json"), "--who", "kim")
    assert len(json.loads((tmp_path / "kim.json").read_text())["entries"]) == 2

    verified = json.loads(say("audit", "verify", "--json"))
    assert verified["holds"]
    heads = [f"{one['store']}:{one['head']}" for one in verified["stores"]]
    say("audit", "verify", *(text for head in heads for text in ("--head", head)))
    assert "written anew" in say("audit", "verify", "--head", "people:" + "0" * 64, status=1)
    with sqlite3.connect(home / "people.db") as database:
        database.execute("DROP TRIGGER event_no_update")
        database.execute("UPDATE event SET author = 'nobody' WHERE id = 2")
    database.close()
    told = say("audit", "verify", status=1)
    assert "people: BROKEN after 1 rows. Row 2 is not as it was written" in told
    assert "real: 3 rows, untouched" in told
