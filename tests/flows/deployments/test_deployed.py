"""Campaigns on a lab server: they run, wait for a person without a worker, and are taken up by themselves."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import psutil
import pytest
import yaml
from prefect.client.schemas.objects import State

from campaigns.ledger import CampaignState, CampaignStatus, Ledger, ModelUse, NotFound, ledger_path
from tests.flows.deployments.conftest import LabServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def campaign_file(small_campaign: Path, name: str, **sections: object) -> Path:
    content = {**yaml.safe_load(small_campaign.read_text(encoding="utf-8")), "name": name, **sections}
    file = small_campaign.with_name(f"{name}.yaml")
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


def status_of(lab: LabServer, name: str) -> CampaignStatus:
    with Ledger.open(ledger_path(lab.home, simulated=True), simulated=True) as ledger:
        return ledger.status(f"{name}-s0-r1")


def started(lab: LabServer, name: str) -> bool:
    """Whether the reactor works on an experiment of this campaign."""
    try:
        return any(one.state == "dispatching" for one in status_of(lab, name).iterations)
    except NotFound:
        return False


def supervised(lab: LabServer) -> list[str]:
    """What the supervisor does when it looks once."""
    from flows.deployments.supervisor import supervise

    with lab.client():
        return [action.what for action in supervise.fn()]


def shown(lab: LabServer, run: UUID) -> dict[str, object]:
    """The newest artifacts of a flow run, by their keys."""
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    with lab.client() as client:
        wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        found = client.read_artifacts(artifact_filter=wanted)
    return {one.key: one.data for one in sorted(found, key=lambda one: one.created)}


def logged(lab: LabServer, run: UUID) -> list[str]:
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

    with lab.client() as client:
        return [
            one.message for one in client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run])))
        ]


def test_every_deployment_is_there_with_its_schedule_and_a_form(lab):
    with lab.client() as client:
        found = {one.name: one for one in client.read_deployments()}
    assert set(found) == {"campaign", "supervisor", "retraining", "nightly", "backup"}
    assert {name for name, one in found.items() if one.schedules} == set(found) - {"campaign"}
    form = found["campaign"].parameter_openapi_schema["properties"]
    assert form["seed"]["anyOf"][0] == {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**31}
    assert form["campaign_file"]["description"].startswith("campaign file (YAML)")
    assert found["campaign"].enforce_parameter_schema


def test_parameters_are_checked_when_a_run_is_made(lab):
    from prefect.exceptions import PrefectHTTPStatusError

    for wrong in ({"seed": -1}, {"iterations": 0}, {"real_time_factor": "fast"}):
        with pytest.raises(PrefectHTTPStatusError):
            lab.start_run("campaign/campaign", campaign_file="c.yaml", **wrong)


def test_a_campaign_waits_for_people_without_a_worker_and_goes_on_with_what_they_decide(
    lab, small_campaign, capsys
):
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.flow_runs import resume_flow_run

    from cli.main import run as morpholoop

    file = campaign_file(small_campaign, "asks", approval={"policy": "always"})
    run = lab.start_run("campaign/campaign", campaign_file=str(file), iterations=1)
    waiting = lab.until_state(run, "PAUSED", "FAILED", "CRASHED")
    assert waiting.state.name == "Suspended"
    assert waiting.name == "asks-s0-r1"
    assert {"campaign:asks-s0-r1", "simulated", "lab:simulated-membrane"} <= set(waiting.tags)
    lab.until(lambda: not psutil.Process(lab.worker.pid).children(), 30)
    assert supervised(lab) == []

    # Somebody fills in Prefect's own form; nobody's answer is no answer.
    with lab.client():
        for nothing in (None, {}, {"reason": "because"}, {"decision": "maybe"}):
            with pytest.raises((RuntimeError, PrefectHTTPStatusError)):
                resume_flow_run(run, run_input=nothing)
        resume_flow_run(run, run_input={"decision": "reject", "reason": "not this one"})
    # The rejected proposal is followed by another, about which there is another form.
    lab.until(lambda: len(status_of(lab, "asks").iterations) == 2, 60, lambda: lab.flow_run(run).state)
    lab.until_state(run, "PAUSED", "FAILED", "CRASHED")

    # What the file says by now is none of a bound run's business.
    file.unlink()
    with pytest.raises(SystemExit) as end:
        morpholoop(["approvals", "approve", "asks-s0-r1-002", "--reason", "this one", "--json"])
    assert (end.value.code, json.loads(capsys.readouterr().out)["decision"]) == (0, "approved")
    (action,) = supervised(lab)
    assert action.startswith("experiment 2 was approved by")
    assert lab.until_state(run, "COMPLETED", "FAILED", "CRASHED").state.type == "COMPLETED"
    assert supervised(lab) == []

    status = status_of(lab, "asks")
    assert [(one.state, one.reactor_starts) for one in status.iterations] == [("rejected", 0), ("learned", 1)]
    with Ledger.open(ledger_path(lab.home, simulated=True), simulated=True) as ledger:
        decided = [ledger.approvals(one.experiment)[0] for one in status.iterations]
    assert [(one.decision, one.reason) for one in decided] == [
        ("rejected", "not this one"),
        ("approved", "this one"),
    ]
    assert decided[0].author == "somebody in Prefect's UI"

    artifacts = shown(lab, run)
    assert "| 2 | learned |" in artifacts["asks-s0-r1-iterations"]
    assert "SIMULATED" in artifacts["asks-s0-r1-iterations"]
    assert artifacts["asks-s0-r1-micrograph"].startswith("data:image/jpeg;base64,")
    assert "asks-s0-r1.html" in artifacts["asks-s0-r1-report"]
    lab.until(lambda: any(text.startswith("asks-s0-r1-002 · compare: ") for text in logged(lab, run)), 20)


def test_a_campaign_whose_worker_was_killed_is_taken_up_by_the_deployed_supervisor(lab, small_campaign):
    from prefect.client.schemas.schedules import IntervalSchedule

    file = campaign_file(small_campaign, "killed")
    run = lab.start_run("campaign/campaign", campaign_file=str(file), iterations=1, real_time_factor=600)

    lab.until(lambda: started(lab, "killed"), 120, lambda: lab.flow_run(run).state)
    lab.kill_worker()
    with lab.client() as client:
        supervisor = client.read_deployment_by_name("supervisor/supervisor")
        (schedule,) = client.create_deployment_schedules(
            supervisor.id, [(IntervalSchedule(interval=timedelta(seconds=12)), True)]
        )
    lab.start_worker()
    try:
        lab.until(lambda: status_of(lab, "killed").status is not CampaignState.RUNNING, 240)
    finally:
        with lab.client() as client:
            client.delete_deployment_schedule(supervisor.id, schedule.id)
    status = status_of(lab, "killed")
    assert status.status in (CampaignState.CONVERGED, CampaignState.BUDGET_SPENT), status.reason
    assert {one.reactor_starts for one in status.iterations} == {1}
    assert lab.flow_run(run).state.type == "CRASHED"
    with lab.client() as client:
        from flows.deployments.flow_runs import Runs

        runs = Runs.of(client, status.campaign)
        assert runs is not None
        # One run more, however often the supervisor looked meanwhile.
        assert len(runs._found) == 2


def a_campaign(lab: LabServer, name: str) -> str:
    """A running campaign that nobody drives."""
    with Ledger.open(ledger_path(lab.home, simulated=True), simulated=True) as ledger:
        return ledger.start_campaign(
            name=name, seed=0, specification="{}", digest="d", lab="l", targets=(), units={}, author="t"
        ).id


def ended_run(lab: LabServer, campaign: str, state: State[object]) -> UUID:
    """A flow run that is bound to a campaign and in this state; no worker takes it."""
    with lab.client() as client:
        deployment = client.read_deployment_by_name("campaign/campaign")
        run: UUID = client.create_flow_run_from_deployment(
            deployment.id,
            parameters={"campaign_file": "gone.yaml"},
            state=state,
            tags=[f"campaign:{campaign}"],
        ).id
    return run


def test_runs_that_fail_again_and_again_have_their_campaign_wait_for_a_person(lab):
    from prefect.states import Failed

    from flows.deployments.supervisor import MOST_FAILURES

    campaign = a_campaign(lab, "fails")
    for time in range(MOST_FAILURES):
        ended_run(lab, campaign, Failed(message=f"the lab file is gone ({time})"))
        # Not at once again: the first one a while later, and each further one twice as long.
        done = supervised(lab)
        assert done == [] or time == MOST_FAILURES - 1  # the deployed supervisor may come first
    status = status_of(lab, "fails")
    assert status.status is CampaignState.WAITING
    assert "its last 5 flow runs failed" in status.reason
    assert "(4)" in status.reason
    assert supervised(lab) == []


def test_a_cancelled_run_has_its_campaign_wait_and_an_ended_campaign_leaves_no_run_behind(lab):
    from prefect.states import Cancelled, Paused

    campaign = a_campaign(lab, "cancelled")
    ended_run(lab, campaign, Cancelled())
    # Nothing is left to do where the deployed supervisor came first.
    assert len(supervised(lab)) <= 1
    assert "was cancelled in Prefect" in status_of(lab, "cancelled").reason

    waiting = ended_run(lab, campaign, Paused())
    with Ledger.open(ledger_path(lab.home, simulated=True), simulated=True) as ledger:
        ledger.set_status(campaign, "waiting", "aborted", author="ann", reason="enough")
    assert supervised(lab) in ([], ["it is aborted; 1 flow runs of it were ended"])
    assert lab.flow_run(waiting).state.type == "COMPLETED"
    assert supervised(lab) == []


def test_prefects_server_restarted_in_mid_campaign_costs_nothing(lab, small_campaign):
    file = campaign_file(small_campaign, "alone")
    run = lab.start_run("campaign/campaign", campaign_file=str(file), iterations=1, real_time_factor=900)
    lab.until(lambda: lab.flow_run(run).state.type == "RUNNING", 60)
    lab.until(lambda: started(lab, "alone"), 60)
    lab.restart_server(away_s=2)
    lab.until(lambda: status_of(lab, "alone").status is not CampaignState.RUNNING, 120)
    assert lab.until_state(run, "COMPLETED", "FAILED", "CRASHED").state.type == "COMPLETED"
    status = status_of(lab, "alone")
    assert status.status in (CampaignState.CONVERGED, CampaignState.BUDGET_SPENT), status.reason
    assert {one.reactor_starts for one in status.iterations} == {1}


def test_a_scheduled_retraining_runs_and_promotes_nothing_worse(lab, small_campaign, tmp_path):
    from prefect.client.schemas.actions import DeploymentUpdate
    from prefect.client.schemas.schedules import IntervalSchedule

    from models.generator import registry
    from models.generator.retraining import read_check
    from tests.flows.imagined import install

    version = install(lab.home, tmp_path / "made")
    with lab.client() as client:
        retraining = client.read_deployment_by_name("retraining/retraining")
        # First: runs are scheduled ahead with the parameters of that moment.
        client.update_deployment(
            retraining.id,
            DeploymentUpdate(parameters={"simulated": True, "steps": 1, "new_experiments": 2}),
        )
        (schedule,) = client.create_deployment_schedules(
            retraining.id, [(IntervalSchedule(interval=timedelta(seconds=30)), True)]
        )
    try:
        lab.until(lambda: attempts(lab), 150)
    finally:
        with lab.client() as client:
            client.delete_deployment_schedule(retraining.id, schedule.id)
    (attempt,) = attempts(lab)
    assert attempt.parent == version
    assert attempt.reason.startswith("retraining, refused: ")
    assert registry.current(lab.home) == version
    # What people see of it: when it was looked, and when it will be.
    check = read_check(lab.home)
    assert check is not None
    assert check.simulated
    assert datetime.fromisoformat(check.next_at) >= datetime.fromisoformat(check.at)


def attempts(lab: LabServer) -> list[ModelUse]:
    with Ledger.open(ledger_path(lab.home, simulated=True), simulated=True) as ledger:
        uses = [use for record in ledger.campaigns() for use in ledger.model_uses(record.id)]
    return [use for use in uses if use.action == "fine_tuned"]
