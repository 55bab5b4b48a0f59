"""Reading and steering campaigns from the command line, over a ledger that is there already."""

import json
from pathlib import Path

import pytest

from cli.main import run

pytestmark = pytest.mark.slow


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    with pytest.raises(SystemExit) as end:
        run(list(arguments))
    out, err = capsys.readouterr()
    assert end.value.code == status, err
    return out if status == 0 else err


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    return json.loads(said(capsys, *arguments, "--json"))


def test_status_is_the_promised_object(campaign_id, capsys):
    status = told(capsys, "campaign", "status", campaign_id)
    assert set(status) >= {
        "campaign", "simulated", "status", "reason", "iterations", "virtual_hours", "seconds", "report"
    }  # fmt: skip
    (iteration,) = status["iterations"]
    assert set(iteration) >= {
        "index", "conditions", "predicted", "measured", "target", "discrepancy", "fields", "representative",
        "model", "state", "dispatch_key", "reactor_starts",
    }  # fmt: skip
    assert iteration["measured"]["phase_fraction"]["ci"] == [0.40, 0.42]
    assert told(capsys, "campaign", "status") == status
    text = said(capsys, "campaign", "status")
    assert "measured 0.41 [0.4, 0.42]" in text
    assert "(simulated lab)" in text


def test_list_has_every_campaign(campaign_id, capsys):
    (row,) = told(capsys, "campaign", "list")["campaigns"]
    assert (row["campaign"], row["status"], row["experiments"]) == (campaign_id, "running", 1)
    assert campaign_id in said(capsys, "campaign", "list")


def test_the_report_is_one_file(campaign_id, capsys, tmp_path):
    report = Path(told(capsys, "campaign", "report", "--out", str(tmp_path))["report"])
    assert report.parent == tmp_path
    assert "Experiment 1" in report.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.glob("*.html")] == [f"{campaign_id}.html"]


def test_a_report_that_cannot_be_written_says_so(campaign_id, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in said(
        capsys, "campaign", "report", "--out", str(tmp_path / "file" / "x"), status=2
    )


def test_pause_and_abort_are_kept_with_the_person(campaign_id, capsys, home):
    assert told(capsys, "campaign", "pause")["status"] == "waiting"
    assert told(capsys, "campaign", "abort", "--reason", "wrong precursor") == {
        "campaign": campaign_id,
        "status": "aborted",
        "reason": "wrong precursor",
    }
    assert "cannot become" in said(capsys, "campaign", "pause", status=2)


def test_a_proposal_is_listed_shown_and_approved(campaign_id, capsys):
    (proposal,) = told(capsys, "approvals", "list")["waiting"]
    experiment = proposal["experiment"]
    assert experiment in said(capsys, "approvals", "list")
    assert "polymer_wt_pct" in said(capsys, "approvals", "show", experiment)
    approved = told(capsys, "approvals", "approve", experiment, "--reason", "fine")
    assert len(approved["hash"]) == 64
    (decision,) = told(capsys, "approvals", "show", experiment)["decisions"]
    assert (decision["decision"], decision["role"], decision["reason"]) == ("approved", "operator", "fine")
    assert "@" in decision["author"]
    assert said(capsys, "approvals", "list") == "Nothing waits for an approval.\n"
    assert "approved already" in said(capsys, "approvals", "approve", experiment, status=2)


def test_a_proposal_is_rejected_with_a_reason(campaign_id, capsys):
    experiment = f"{campaign_id}-001"
    assert "--reason" in said(capsys, "approvals", "reject", experiment, status=2)
    assert told(capsys, "approvals", "reject", experiment, "--reason", "no")["decision"] == "rejected"
