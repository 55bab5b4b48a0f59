"""Proposals: what waits for a person, everything that is to be seen of it, and the decision."""

from collections.abc import Mapping

from fastapi import APIRouter
from pydantic import Field

from campaigns.ledger import ApprovalRecord, ExperimentRecord, Ledger, ledgers
from campaigns.specification import Campaign
from dashboard.api.access import Decider, Doing, Reader
from dashboard.api.micrographs import MicrographRow, told
from dashboard.api.values import Answer, Body, Conditions, Number, Reason, Shown
from devices.limits import Limit

router = APIRouter(prefix="/proposals", tags=["proposals"])


class Headline(Answer):
    """A proposal in one row."""

    experiment: str
    campaign: str
    index: int
    simulated: bool
    conditions: Conditions
    units: dict[str, str]
    model: str
    manifold_distance: Number
    edited_from: str | None
    reason: str
    proposed: str


class Headlines(Answer):
    """What waits for a person, the oldest first."""

    proposals: list[Headline]


class LimitAnswer(Answer):
    """What the lab allows of a set-point now."""

    unit: str
    low: Number
    high: Number
    choices: list[str]


class Predicted(Answer):
    """A predicted descriptor in ``unit``."""

    mean: Number
    sd: Number
    unit: str
    model: str


class Decision(Answer):
    """A decision on record; ``hash`` is over what it was about."""

    decision: str
    author: str
    role: str
    at: str
    expires_at: str
    reason: str
    hash: str


class Proposal(Headline):
    """A proposal with all that a decision is about; ``shown`` stands for it, and goes back with the decision.

    ``shown`` is empty once it was decided.
    """

    state: str
    limits: dict[str, LimitAnswer]
    predicted: dict[str, Predicted]
    micrographs: list[MicrographRow]
    decisions: list[Decision]
    shown: str


class Approve(Body):
    """Approve exactly what was shown."""

    shown: Shown
    reason: Reason = ""


class Reject(Body):
    """Reject what was shown, and why."""

    shown: Shown
    reason: Reason


class Edit(Reject):
    """Other conditions in place of those that were shown, in the same units."""

    conditions: Conditions = Field(min_length=1)


class Edited(Answer):
    """The proposal that took the place of another; the campaign predicts it, then it can be approved."""

    experiment: str
    edited_from: str
    conditions: Conditions


@router.get("")
def waiting(visitor: Reader, acts: Doing) -> Headlines:
    """What waits for a person."""
    with ledgers(acts.home) as opened:
        found = [one for ledger in opened for one in ledger.waiting_for_approval()]
    return Headlines(proposals=[Headline(**_headline(one)) for one in found])


@router.get("/{experiment_id}")
def proposal(visitor: Reader, acts: Doing, experiment_id: str) -> Proposal:
    """Everything that is to be seen before deciding."""
    with acts.experiment(experiment_id) as (ledger, experiment):
        limits = acts.limits(_campaign(ledger, experiment))
        undecided = experiment.state == "proposed"
        return Proposal(
            **_headline(experiment),
            state=str(experiment.state),
            limits={name: _limit(limit) for name, limit in limits.items()},
            predicted={
                one.descriptor: Predicted(
                    mean=one.estimate.mean, sd=one.estimate.sd, unit=one.unit, model=one.model_version
                )
                for one in ledger.predictions(experiment.id)
            },
            micrographs=[
                told(experiment.campaign_id, experiment.index, one)
                for one in ledger.micrographs(experiment.id, kind="predicted")
            ],
            decisions=[_decision(one) for one in ledger.approvals(experiment.id)],
            shown=ledger.shown(experiment.id, limits=limits) if undecided else "",
        )


@router.post("/{experiment_id}/approve")
def approve(visitor: Decider, acts: Doing, experiment_id: str, body: Approve) -> Decision:
    """Approve a proposal; its campaign goes on."""
    return _decision(acts.approve(visitor.person, experiment_id, shown=body.shown, reason=body.reason))


@router.post("/{experiment_id}/reject")
def reject(visitor: Decider, acts: Doing, experiment_id: str, body: Reject) -> Decision:
    """Reject a proposal for good; its campaign goes on with another."""
    return _decision(acts.reject(visitor.person, experiment_id, shown=body.shown, reason=body.reason))


@router.post("/{experiment_id}/edit", status_code=201)
def edit(visitor: Decider, acts: Doing, experiment_id: str, body: Edit) -> Edited:
    """Propose other conditions in place of a proposal."""
    made = acts.edit(visitor.person, experiment_id, body.conditions, shown=body.shown, reason=body.reason)
    return Edited(experiment=made.id, edited_from=experiment_id, conditions=dict(made.conditions))


def _headline(one: ExperimentRecord) -> Mapping[str, object]:
    return {
        "experiment": one.id,
        "campaign": one.campaign_id,
        "index": one.index,
        "simulated": one.simulated,
        "conditions": dict(one.conditions),
        "units": dict(one.units),
        "model": one.model_version,
        "manifold_distance": one.manifold_distance,
        "edited_from": one.edited_from,
        "reason": one.reason,
        "proposed": one.created_at,
    }


def _campaign(ledger: Ledger, experiment: ExperimentRecord) -> Campaign:
    return Campaign.from_json(ledger.campaign(experiment.campaign_id).specification)


def _limit(limit: Limit) -> LimitAnswer:
    return LimitAnswer(unit=limit.unit, low=limit.low, high=limit.high, choices=list(limit.choices))


def _decision(record: ApprovalRecord) -> Decision:
    return Decision.model_validate(record)
