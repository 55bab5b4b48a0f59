"""What people decide in a ledger, each only in a role that allows it, under their own name.

The lab's limits are handed in as they are now, as whoever drives the lab reads them.
"""

from collections.abc import Mapping
from typing import Protocol

from campaigns.ledger import (
    ApprovalRecord,
    CampaignRecord,
    CampaignState,
    ExperimentRecord,
    IllegalTransition,
    Ledger,
    NotFound,
)
from campaigns.people.roles import Act, Person
from campaigns.specification import Campaign
from models.errors import UnusableInput
from models.values import Conditions


class Limit(Protocol):
    """What a set-point may be."""

    def fault(self, value: object) -> str | None:
        """What is wrong with ``value``, or None."""
        ...


Limits = Mapping[str, Limit]


def approve(
    ledger: Ledger,
    person: Person,
    experiment_id: str,
    *,
    limits: Limits,
    shown: str,
    reason: str = "",
) -> ApprovalRecord:
    """Approve exactly what was shown (``ledger.shown``), for as long as the campaign file says.

    Errors: :class:`NotAllowed`, :class:`campaigns.ledger.StaleTransition` when somebody else was faster,
    :class:`campaigns.ledger.ApprovalInvalid` when it is not what was shown.
    """
    person.require(Act.DECIDE)
    campaign = _campaign(ledger, experiment_id)
    return ledger.approve(
        experiment_id,
        author=person.name,
        role=person.role,
        limits=limits,
        expires_h=campaign.approval.expires_h,
        reason=reason,
        shown=shown,
        facts=person.facts,
    )


def reject(
    ledger: Ledger, person: Person, experiment_id: str, *, limits: Limits, shown: str, reason: str
) -> ApprovalRecord:
    """Reject a proposal for good. Errors: as :func:`approve`, :class:`UnusableInput` without a reason."""
    person.require(Act.DECIDE)
    return ledger.reject(
        experiment_id,
        author=person.name,
        role=person.role,
        limits=limits,
        reason=_told(reason),
        shown=shown,
        facts=person.facts,
    )


def edit(
    ledger: Ledger,
    person: Person,
    experiment_id: str,
    changes: Conditions,
    *,
    limits: Limits,
    shown: str,
    reason: str,
) -> ExperimentRecord:
    """Propose other conditions in place of a proposal: its own, with ``changes``, in the same units.

    The new proposal is approved on its own, once the campaign has predicted it. Errors: as :func:`reject`,
    and :class:`UnusableInput` naming everything that bounds, constraints or the lab's limits forbid.
    """
    person.require(Act.DECIDE)
    old = ledger.experiment(experiment_id)
    conditions = edited(_campaign(ledger, experiment_id), old, changes, limits)
    return ledger.edit(
        experiment_id,
        conditions,
        author=person.name,
        role=person.role,
        limits=limits,
        reason=_told(reason),
        shown=shown,
        facts=person.facts,
    )


def edited(campaign: Campaign, old: ExperimentRecord, changes: Conditions, limits: Limits) -> Conditions:
    """The conditions of an experiment with ``changes``. Errors: :class:`UnusableInput` naming every fault."""
    conditions = {**old.conditions, **changes}
    if conditions == dict(old.conditions):
        raise UnusableInput("Nothing was changed; approve the proposal as it stands, or change a condition.")
    faults = list(campaign.broken_rules(conditions))
    for name, value in conditions.items():
        limit = limits.get(name)
        fault = limit.fault(value) if limit is not None else None
        if fault:
            faults.append(f"The lab's limits forbid this: {fault}.")
    if faults:
        raise UnusableInput(" ".join(faults))
    return conditions


def pause(ledger: Ledger, person: Person, campaign_id: str, reason: str) -> CampaignRecord:
    """Have a campaign stop after the step that it is in. Errors: :class:`NotAllowed`, IllegalTransition."""
    return _move(ledger, person, campaign_id, CampaignState.WAITING, f"paused: {_told(reason)}")


def resume(ledger: Ledger, person: Person, campaign_id: str, reason: str = "") -> CampaignRecord:
    """Let a campaign go on that was paused or waited for a person; a worker has to take it up.

    Errors: :class:`NotAllowed`, IllegalTransition.
    """
    told = f"resumed: {reason.strip()}" if reason.strip() else "resumed"
    return _move(ledger, person, campaign_id, CampaignState.RUNNING, told)


def abort(ledger: Ledger, person: Person, campaign_id: str, reason: str) -> CampaignRecord:
    """End a campaign for good; a reactor that runs for it is brought to its safe state.

    Errors: :class:`NotAllowed`, IllegalTransition.
    """
    return _move(ledger, person, campaign_id, CampaignState.ABORTED, _told(reason))


def reject_field(ledger: Ledger, person: Person, experiment_id: str, sha256: str, reason: str) -> None:
    """Have a measured field of view left out from now on.

    While the experiment is imaged another one is taken; an experiment that was judged is measured anew.

    Errors: :class:`NotAllowed`, :class:`NotFound`, :class:`UnusableInput` without a reason.
    """
    person.require(Act.REJECT_FIELD)
    told = _told(reason)
    with ledger.together():
        for one in ledger.micrographs(experiment_id, kind="measured"):
            if one.sha256 == sha256:
                ledger.reject_micrograph(
                    experiment_id, one, author=person.name, reason=told, facts=person.facts
                )
                return
    raise NotFound(
        f"The experiment {experiment_id} has no measured field {sha256[:12]}…; nothing was rejected."
    )


def _move(ledger: Ledger, person: Person, campaign_id: str, to: CampaignState, reason: str) -> CampaignRecord:
    person.require(Act.RUN)
    record = ledger.campaign(campaign_id)
    if record.status is to:
        raise IllegalTransition(f"The campaign {campaign_id} is {to} already ({record.reason}).")
    return ledger.set_status(
        campaign_id, record.status, to, author=person.name, reason=reason, facts=person.facts
    )


def _campaign(ledger: Ledger, experiment_id: str) -> Campaign:
    record = ledger.campaign(ledger.experiment(experiment_id).campaign_id)
    return Campaign.from_json(record.specification)


def _told(reason: str) -> str:
    told = reason.strip()
    if not told:
        raise UnusableInput("This needs a reason, which is kept with it; say why.")
    return told[:2000]
