"""`morpholoop approvals …`: what waits for a person, and what the person says."""

from typing import TYPE_CHECKING, Any

import typer

from cli.decisions import SHOWN_DIGITS, AsJson, ExperimentId, approve, edit, limits_now, reject
from cli.ledgers import ledgers, the_experiment
from cli.output import emit

if TYPE_CHECKING:
    from campaigns.ledger import ExperimentRecord, Ledger

approvals = typer.Typer(
    help="List, show, approve, edit and reject proposals.\n\nExample: morpholoop approvals list",
    no_args_is_help=True,
)
for _command in (approve, reject, edit):
    approvals.command()(_command)


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
        if experiment.state == "proposed":
            found["shown"] = ledger.shown(experiment.id, limits=limits_now(ledger, experiment))

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
                *([f"as shown here: --shown {found['shown'][:SHOWN_DIGITS]}"] if "shown" in found else []),
            ]
        )

    emit(found, as_json, human)


def _proposal(ledger: "Ledger", experiment: "ExperimentRecord") -> dict[str, Any]:
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
