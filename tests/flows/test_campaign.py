"""The whole loop in the simulated lab, without a generator."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from campaigns.ledger import CampaignState, CampaignStatus, Ledger, ledger_path
from flows.progress import Event, watched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


def run(file: Path, **options: object) -> CampaignStatus:
    from flows.campaign import campaign

    return campaign(file, **options)


def changed(file: Path, **sections: object) -> Path:
    """A copy of a campaign file with other sections."""
    content = {**yaml.safe_load(file.read_text(encoding="utf-8")), **sections}
    copy = file.with_name("changed.yaml")
    copy.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return copy


def test_a_campaign_converges_and_the_same_seed_does_it_again(
    small_campaign, prefect_api, home, monkeypatch, tmp_path
):
    events: list[Event] = []
    with watched(events.append):
        first = run(small_campaign)
    assert first.status is CampaignState.CONVERGED
    assert first.simulated
    last = first.iterations[-1]
    for name, wanted in last.target.items():
        low, high = last.measured[name].ci
        assert wanted.low - wanted.tolerance <= low
        assert high <= wanted.high + wanted.tolerance
    assert [one.index for one in first.iterations] == list(range(1, len(first.iterations) + 1))
    assert {one.reactor_starts for one in first.iterations} == {1}
    assert {one.state for one in first.iterations} == {"learned"}
    assert first.virtual_hours > 1
    steps = [event.step for event in events]
    for step in (
        "suggest",
        "approve",
        "synthesise",
        "image",
        "quantify",
        "compare",
        "learn",
        "stop",
        "report",
    ):
        assert step in steps
    page = Path(first.report).read_text(encoding="utf-8")
    assert "converged" in page
    assert page.count("data:image/jpeg") == 2 * len(first.iterations)

    # The same command again shows what there is; anew, here and in another state directory, it is the same.
    assert run(small_campaign) == first
    again = run(small_campaign, fresh=True)
    assert again.campaign != first.campaign
    monkeypatch.setenv("MORPHOLOOP_HOME", str(tmp_path / "elsewhere"))
    elsewhere = run(small_campaign)
    for other in (again, elsewhere):
        assert (other.status, other.reason, other.virtual_hours) == (
            first.status,
            first.reason,
            first.virtual_hours,
        )
        assert [_essence(one) for one in other.iterations] == [_essence(one) for one in first.iterations]
    assert elsewhere.iterations == first.iterations


def _essence(iteration: object) -> dict[str, object]:
    """All but the names, which say which run it was."""
    found = dataclasses.asdict(iteration)  # type: ignore[call-overload]
    return {name: value for name, value in found.items() if name not in ("dispatch_key", "experiment")}


def test_an_approval_is_waited_for_and_a_rejection_leads_to_another_proposal(
    small_campaign, prefect_api, home, monkeypatch, capsys
):
    from cli.main import run as command
    from devices.labfile import LabFileLimits, ReactorLimits

    file = changed(small_campaign, approval={"policy": "first_n", "n": 1}, budget={"experiments": 1})
    lab = yaml.safe_load(file.read_text(encoding="utf-8"))["lab"]
    limits = ReactorLimits(LabFileLimits(Path(lab))).read()
    decision = {"author": "operator@test", "role": "operator", "limits": limits}

    told: list[str] = []
    monkeypatch.setattr("flows.worker.notify", lambda title, text: told.append(f"{title}: {text}"))
    waiting = run(file)
    assert waiting.status is CampaignState.WAITING
    assert "approv" in waiting.reason
    (message,) = told
    assert "waits for a person (simulated lab): Experiment 1 waits for an approval" in message
    assert waiting.iterations[0].reactor_starts == 0
    assert run(file).iterations == waiting.iterations

    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        (proposal,) = ledger.waiting_for_approval()
        ledger.reject(proposal.id, reason="not this one", **decision)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(SystemExit) as ended:
        command(["campaign", "resume", waiting.campaign, "--reason", "rejected it"])
    assert ended.value.code == 1, capsys.readouterr().err
    second = run(file)
    assert [one.state for one in second.iterations] == ["rejected", "learned"]
    assert second.iterations[1].conditions != second.iterations[0].conditions
    assert second.status is CampaignState.BUDGET_SPENT
    assert "has ended: budget_spent" in told[-1]
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        assert "resumed: rejected it" in [one.reason for one in ledger.history(second.campaign)]
    with pytest.raises(SystemExit) as ended:
        command(["campaign", "resume", waiting.campaign])
    assert ended.value.code == 2
    assert "cannot go on" in capsys.readouterr().err


def test_an_approved_proposal_is_dispatched_only_as_it_was_approved(small_campaign, prefect_api, home):
    from devices.labfile import LabFileLimits, ReactorLimits

    file = changed(small_campaign, approval={"policy": "always"}, budget={"experiments": 1})
    lab = Path(yaml.safe_load(file.read_text(encoding="utf-8"))["lab"])
    own_lab = file.with_name("lab.yaml")
    own_lab.write_bytes(lab.read_bytes())
    file = changed(file, lab=str(own_lab))
    assert run(file).status is CampaignState.WAITING
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        (proposal,) = ledger.waiting_for_approval()
        limits = ReactorLimits(LabFileLimits(own_lab)).read()
        ledger.approve(proposal.id, author="operator@test", role="operator", limits=limits, expires_h=1)
    own_lab.write_text(
        own_lab.read_text(encoding="utf-8").replace("high: 120}", "high: 121}"), encoding="utf-8"
    )
    found = run(file)
    assert found.status is CampaignState.WAITING
    assert (found.iterations[0].state, found.iterations[0].reactor_starts) == ("proposed", 0)


def test_a_campaign_paused_from_outside_stops_and_goes_on(small_campaign, prefect_api, home):
    file = changed(small_campaign, budget={"experiments": 1})

    def pause(event: Event) -> None:
        if event.step == "image" and not paused:
            with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
                (record,) = ledger.campaigns()
                ledger.set_status(record.id, record.status, "waiting", author="test", reason="paused")
            paused.append(True)

    paused: list[bool] = []
    with watched(pause):
        stopped = run(file)
    assert stopped.status is CampaignState.WAITING
    assert stopped.iterations[0].state == "imaged"
    resumed = run(file)
    assert resumed.status in (CampaignState.BUDGET_SPENT, CampaignState.CONVERGED)
    assert resumed.iterations[0].reactor_starts == 1


def test_an_aborted_campaign_stops_the_reactor(small_campaign, prefect_api, home):
    def abort(event: Event) -> None:
        if event.step == "synthesise" and "reacting" in event.text:
            with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
                (record,) = ledger.campaigns()
                ledger.set_status(
                    record.id, record.status, "aborted", author="test", reason="wrong precursor"
                )

    with watched(abort):
        found = run(small_campaign)
    assert found.status is CampaignState.ABORTED
    assert [one.state for one in found.iterations] == ["aborted"]
    assert found.iterations[0].reactor_starts == 1


def test_where_the_reactor_cannot_tell_nothing_is_started_until_it_can(
    small_campaign, prefect_api, home, monkeypatch
):
    from devices.errors import LabError
    from devices.laboratory import Laboratory

    def silent(self: Laboratory, key: str) -> None:
        raise LabError("the reactor does not answer")

    file = changed(small_campaign, budget={"experiments": 1})
    asked = Laboratory.reactor_record
    monkeypatch.setattr(Laboratory, "reactor_record", silent)
    for _ in range(2):
        found = run(file)
        assert (found.status, found.iterations[0].state) == (CampaignState.WAITING, "unknown")
        assert "does not answer" in found.reason
    monkeypatch.setattr(Laboratory, "reactor_record", asked)
    found = run(file)
    assert [(one.state, one.reactor_starts) for one in found.iterations] == [("learned", 1)]
