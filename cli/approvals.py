"""`morpholoop approvals …`: what waits for a person, and what the person says."""

from typing import Any

import typer

from cli.ledgers import ledgers, person, the_experiment
from cli.output import emit

AsJson = typer.Option(False, "--json", help="Print one JSON object.")
ExperimentId = typer.Argument(help="Experiment id, as `approvals list` shows it.")

approvals = typer.Typer(
    help="List, show, approve and reject proposals.\n\nExample: morpholoop approvals list",
    no_args_is_help=True,
)


@approvals.command("list")
def list_(as_json: bool = AsJson) -> None:
    """Proposed experiments that wait for a person.

    Example: morpholoop approvals list
    """
    with ledgers() as opened:
        waiting = [_proposal(ledger, one) for ledger in opened for one in ledger.waiting_for_approval()]
    lines = [f"{one['experiment']}  {_conditions(one)}" for one in waiting]
    emit({"waiting": waiting}, as_json, lambda: "\n".join(lines) or "Nothing waits for an approval.")


@approvals.command()
def show(experiment_id: str = ExperimentId, as_json: bool = AsJson) -> None:
    """One proposal: conditions, what is predicted, the predicted micrographs, and decisions so far.

    Example: morpholoop approvals show lmr-precursor-s0-r1-001
    """
    with the_experiment(experiment_id) as (ledger, experiment):
        found = _proposal(ledger, experiment)
        found["decisions"] = [
            {
                "decision": one.decision,
                "author": one.author,
                "role": one.role,
                "at": one.at,
                "expires_at": one.expires_at,
                "hash": one.hash,
                "reason": one.reason,
            }
            for one in ledger.approvals(experiment.id)
        ]

    def human() -> str:
        predicted = [
            f"  {name}: {value['mean']:.4g} ± {value['sd']:.2g} {value['unit']}"
            for name, value in found["predicted"].items()
        ]
        pictures = [f"  {path}" for path in found["predicted_micrographs"]]
        decisions = [f"  {one['decision']} by {one['author']} at {one['at']}" for one in found["decisions"]]
        return "\n".join(
            [
                f"{found['experiment']} is {found['state']}: {found['reason']}",
                _conditions(found),
                "predicted:",
                *(predicted or ["  nothing"]),
                "predicted micrographs:",
                *(pictures or ["  none"]),
                "decisions:",
                *(decisions or ["  none"]),
            ]
        )

    emit(found, as_json, human)


@approvals.command()
def approve(
    experiment_id: str = ExperimentId,
    reason: str = typer.Option("", help="Kept with the approval."),
    as_json: bool = AsJson,
) -> None:
    """Approve a proposal as it stands, in a simulated lab; the campaign's command then goes on with it.

    Example: morpholoop approvals approve lmr-precursor-s0-r1-001
    """
    from campaigns.specification import Campaign
    from models.errors import UnusableInput

    with the_experiment(experiment_id) as (ledger, experiment):
        if not experiment.simulated:
            raise UnusableInput(
                "This version knows no authenticated operators, so it approves nothing for a real lab; "
                "run the campaign in a simulated lab."
            )
        record = ledger.campaign(experiment.campaign_id)
        campaign = Campaign.from_json(record.specification)
        approval = ledger.approve(
            experiment.id,
            author=person(),
            role="operator",
            limits=_limits(campaign),
            expires_h=campaign.approval.expires_h,
            reason=reason,
        )
    emit(
        {
            "experiment": experiment_id,
            "decision": "approved",
            "expires_at": approval.expires_at,
            "hash": approval.hash,
        },
        as_json,
        lambda: f"{experiment_id} is approved until {approval.expires_at}.",
    )


@approvals.command()
def reject(
    experiment_id: str = ExperimentId,
    reason: str = typer.Option(..., help="Kept with the decision."),
    as_json: bool = AsJson,
) -> None:
    """Reject a proposal for good; the campaign proposes another when it goes on.

    Example: morpholoop approvals reject lmr-precursor-s0-r1-001 --reason "pH too high for this batch"
    """
    from campaigns.specification import Campaign

    with the_experiment(experiment_id) as (ledger, experiment):
        campaign = Campaign.from_json(ledger.campaign(experiment.campaign_id).specification)
        ledger.reject(
            experiment.id, author=person(), role="operator", limits=_limits(campaign), reason=reason
        )
    emit(
        {"experiment": experiment_id, "decision": "rejected", "reason": reason},
        as_json,
        lambda: f"{experiment_id} is rejected.",
    )


def _proposal(ledger: Any, experiment: Any) -> dict[str, Any]:
    return {
        "experiment": experiment.id,
        "campaign": experiment.campaign_id,
        "state": str(experiment.state),
        "reason": experiment.reason,
        "conditions": dict(experiment.conditions),
        "units": dict(experiment.units),
        "model": experiment.model_version,
        "manifold_distance": experiment.manifold_distance,
        "simulated": experiment.simulated,
        "predicted": {
            one.descriptor: {"mean": one.estimate.mean, "sd": one.estimate.sd, "unit": one.unit}
            for one in ledger.predictions(experiment.id)
        },
        "predicted_micrographs": [
            str(one.path) for one in ledger.micrographs(experiment.id, kind="predicted")
        ],
    }


def _conditions(found: dict[str, Any]) -> str:
    units = found["units"]
    return ", ".join(
        f"{name} {value} {units.get(name, '')}".strip() for name, value in found["conditions"].items()
    )


def _limits(campaign: Any) -> Any:
    """The set-point limits that hold now, as the lab itself reads them."""
    from devices.labfile import LabFileLimits, ReactorLimits

    return ReactorLimits(LabFileLimits(campaign.lab)).read()
