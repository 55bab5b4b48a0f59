"""Waiting for a person without a worker, and the decision that a person types in Prefect's own UI.

The flow run is suspended: its process ends. It wakes up because somebody filled in the form in Prefect's UI,
or because the supervisor saw a decision in the ledger. Either way the record in the ledger is what counts.
"""

from typing import Any, Literal, cast

from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.input.actions import delete_flow_run_input, read_flow_run_input
from prefect.input.run_input import keyset_from_base_key
from pydantic import Field, ValidationError

from campaigns.ledger import CampaignState, ExperimentRecord, Ledger
from campaigns.people import People, Person, deciding
from campaigns.specification import Campaign
from devices.labfile import LabFileLimits, ReactorLimits
from flows.deployments.this_run import deployed_run
from flows.opening import waits_by_itself
from flows.progress import warn
from models.errors import UnusableInput
from models.home import state_directory

NOBODY = "somebody in Prefect's UI"


class Decision(RunInput):
    """What a person says of the next synthesis."""

    # Never with a default: Prefect hands defaults to a run that is woken up without anybody's answer.
    decision: Literal["approve", "reject"]
    reason: str = Field("", description="Kept with the decision; a rejection needs one.")
    token: str = Field(
        "",
        description="Your API token (morpholoop user token). A real lab needs one; it is deleted when read.",
        json_schema_extra={"format": "password"},
    )


def wait_for_decision(ledger: Ledger, campaign_id: str) -> None:
    """Suspend this run while its campaign waits for an approval, if it was deployed; it does not come back.

    A woken run begins from its start, and takes the answer by :func:`take_decision`.
    """
    proposal = _proposal(ledger, campaign_id)
    if deployed_run() is None or proposal is None:
        return
    key = _key(proposal, ledger.shown(proposal.id, limits=_limits(ledger, campaign_id)))
    described = Decision.with_initial_data(description=_described(ledger, proposal))
    suspend_flow_run(wait_for_input=described, key=f"{key}-{len(_asked(key))}", timeout=None)


def take_decision(ledger: Ledger, campaign_id: str) -> bool:
    """Record what somebody typed in Prefect's UI about the proposal that waits; whether it was recorded.

    What is not allowed, or about something that was changed since, is said and leaves everything as it is.
    """
    proposal = _proposal(ledger, campaign_id)
    if deployed_run() is None or proposal is None:
        return False
    limits = _limits(ledger, campaign_id)
    shown = ledger.shown(proposal.id, limits=limits)
    asked = _asked(_key(proposal, shown))
    if not asked:
        return False
    response = keyset_from_base_key(f"suspended-{asked[-1]}")["response"]
    content = cast(dict[str, Any] | None, read_flow_run_input(response))
    if content is None:
        return False
    # The token is not to lie in Prefect's database.
    delete_flow_run_input(response)
    try:
        with ledger.together():
            author = _record(ledger, proposal, Decision(**content), limits, shown)
            ledger.set_status(
                campaign_id,
                CampaignState.WAITING,
                CampaignState.RUNNING,
                author=author,
                reason=f"experiment {proposal.index} was decided in Prefect's UI",
            )
    except (UnusableInput, ValidationError) as refused:
        warn(f"{proposal.id}: the decision was not recorded: {refused}")
        return False
    return True


def _record(
    ledger: Ledger, proposal: ExperimentRecord, typed: Decision, limits: deciding.Limits, shown: str
) -> str:
    """Record the decision, over what the form showed; its author."""
    reason = typed.reason.strip()
    if typed.decision == "reject" and not reason:
        raise UnusableInput("A rejection needs a reason, which is kept with it; say why.")
    person = _person(typed.token, simulated=proposal.simulated)
    if person is not None and typed.decision == "approve":
        deciding.approve(ledger, person, proposal.id, limits=limits, shown=shown, reason=reason)
    elif person is not None:
        deciding.reject(ledger, person, proposal.id, limits=limits, shown=shown, reason=reason)
    elif typed.decision == "approve":
        hours = Campaign.from_json(ledger.campaign(proposal.campaign_id).specification).approval.expires_h
        ledger.approve(
            proposal.id,
            author=NOBODY,
            role="operator",
            limits=limits,
            expires_h=hours,
            reason=reason,
            shown=shown,
        )
    else:
        ledger.reject(proposal.id, author=NOBODY, role="operator", limits=limits, reason=reason, shown=shown)
    return NOBODY if person is None else person.name


def _person(token: str, *, simulated: bool) -> Person | None:
    """Whose token it is; None without one, which a simulated lab allows."""
    if not token.strip():
        if simulated:
            return None
        raise UnusableInput(
            "A decision for a real lab needs your API token; `morpholoop user token` makes one."
        )
    with People.open(state_directory()) as people:
        return people.by_token(token.strip())


def _proposal(ledger: Ledger, campaign_id: str) -> ExperimentRecord | None:
    """What the campaign waits for, if that is a decision about a proposal that was predicted."""
    if not waits_by_itself(ledger, ledger.campaign(campaign_id)):
        return None
    return next(iter(ledger.waiting_for_approval(campaign_id)), None)


def _key(proposal: ExperimentRecord, shown: str) -> str:
    """One form for one proposal exactly as it is shown; what changes gets another."""
    return f"{proposal.id}-{shown[:16]}"


def _asked(key: str) -> list[str]:
    """The forms about this that this run has waited with before, the oldest first."""
    from prefect.client.orchestration import get_client

    run = deployed_run()
    assert run is not None
    with get_client(sync_client=True) as client:
        keys = client.read_flow_run(run.id).empirical_policy.pause_keys or set()
    return sorted(
        (one for one in keys if one.startswith(f"{key}-")), key=lambda one: int(one.rpartition("-")[2])
    )


def _limits(ledger: Ledger, campaign_id: str) -> deciding.Limits:
    """The set-point limits that hold now, as the lab itself reads them."""
    campaign = Campaign.from_json(ledger.campaign(campaign_id).specification)
    return ReactorLimits(LabFileLimits(campaign.lab)).read()


def _described(ledger: Ledger, proposal: ExperimentRecord) -> str:
    """The proposal in Markdown, as the form shows it."""
    simulated = " (SIMULATED)" if proposal.simulated else ""
    conditions = [
        f"| {name} | {value} | {proposal.units.get(name, '')} |"
        for name, value in proposal.conditions.items()
    ]
    predicted = [
        f"| {one.descriptor} | {one.estimate.mean:.4g} ± {one.estimate.sd:.2g} | {one.unit} |"
        for one in ledger.predictions(proposal.id)
    ]
    return "\n".join(
        [
            f"## {proposal.id}{simulated}",
            ledger.campaign(proposal.campaign_id).reason,
            "",
            "| condition | value | unit |",
            "|---|--:|---|",
            *conditions,
            "",
            "| predicted | mean ± SD | unit |",
            "|---|--:|---|",
            *(predicted or ["| nothing | | |"]),
            "",
            f"Model: {proposal.model_version or 'none'}. The predicted micrographs are on the dashboard.",
        ]
    )
