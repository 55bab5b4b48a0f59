"""`morpholoop approvals approve | reject | edit`: what a person says to a proposal, as it was shown."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from cli.ledgers import the_experiment
from cli.output import emit
from cli.signing_in import FromStdin, User, signed_in
from models.errors import UnusableInput

if TYPE_CHECKING:
    from campaigns.ledger import ExperimentRecord, Ledger
    from devices.limits import Limit

AsJson = typer.Option(False, "--json", help="Print one JSON object.")
ExperimentId = typer.Argument(help="Experiment id, as `approvals list` shows it.")
Shown = typer.Option(
    "", "--shown", help="What `approvals show` calls the proposal as it was shown; a real lab takes this."
)
SHOWN_DIGITS = 12
"""Of a proposal's hash, typed by hand: enough to tell two proposals apart."""


def approve(
    experiment_id: str = ExperimentId,
    reason: str = typer.Option("", help="Kept with the approval."),
    shown: str = Shown,
    user: str = User,
    password_stdin: bool = FromStdin,
    as_json: bool = AsJson,
) -> None:
    """Approve a proposal as it was shown; the campaign's command then goes on with it.

    For a real lab it takes an operator: by name and password, or a token in MORPHOLOOP_TOKEN.
    Example: morpholoop approvals approve lmr-precursor-s0-r1-001 --user kim --shown 3f9a51c0d2e4
    """
    from campaigns.people import deciding

    with the_experiment(experiment_id) as (ledger, experiment):
        person = signed_in(user, from_stdin=password_stdin, simulated=experiment.simulated)
        limits = limits_now(ledger, experiment)
        whole = _whole(ledger, experiment, limits, shown)
        approval = deciding.approve(ledger, person, experiment.id, limits=limits, shown=whole, reason=reason)
    emit(
        {
            "experiment": experiment_id,
            "decision": "approved",
            "author": approval.author,
            "expires_at": approval.expires_at,
            "hash": approval.hash,
        },
        as_json,
        lambda: f"{experiment_id} is approved by {approval.author} until {approval.expires_at}.",
    )


def reject(
    experiment_id: str = ExperimentId,
    reason: str = typer.Option(..., help="Kept with the decision."),
    shown: str = Shown,
    user: str = User,
    password_stdin: bool = FromStdin,
    as_json: bool = AsJson,
) -> None:
    """Reject a proposal for good; the campaign proposes another when it goes on.

    Example: morpholoop approvals reject lmr-precursor-s0-r1-001 --reason "pH too high for this batch"
    """
    from campaigns.people import deciding

    with the_experiment(experiment_id) as (ledger, experiment):
        person = signed_in(user, from_stdin=password_stdin, simulated=experiment.simulated)
        limits = limits_now(ledger, experiment)
        whole = _whole(ledger, experiment, limits, shown)
        deciding.reject(ledger, person, experiment.id, limits=limits, shown=whole, reason=reason)
    emit(
        {"experiment": experiment_id, "decision": "rejected", "author": person.name, "reason": reason},
        as_json,
        lambda: f"{experiment_id} is rejected by {person.name}.",
    )


def edit(
    experiment_id: str = ExperimentId,
    settings: list[str] = typer.Option(
        ..., "--set", metavar="NAME=VALUE", help="A condition in place of the proposed one; repeat."
    ),
    reason: str = typer.Option(..., help="Kept with both proposals."),
    shown: str = Shown,
    user: str = User,
    password_stdin: bool = FromStdin,
    as_json: bool = AsJson,
) -> None:
    """Put other conditions in place of proposed ones; they are predicted, and then to be approved.

    Example: morpholoop approvals edit lmr-precursor-s0-r1-001 --set pH=10.4 --reason "probe drifts"
    """
    from campaigns.people import deciding

    with the_experiment(experiment_id) as (ledger, experiment):
        person = signed_in(user, from_stdin=password_stdin, simulated=experiment.simulated)
        changes = _changes(settings, experiment.conditions)
        limits = limits_now(ledger, experiment)
        whole = _whole(ledger, experiment, limits, shown)
        made = deciding.edit(
            ledger, person, experiment.id, changes, limits=limits, shown=whole, reason=reason
        )
    emit(
        {"experiment": made.id, "edited_from": experiment_id, "conditions": dict(made.conditions)},
        as_json,
        lambda: f"{made.id} takes the place of {experiment_id}; the campaign predicts it when it goes on.",
    )


def _changes(settings: list[str], conditions: Mapping[str, float | str]) -> dict[str, float | str]:
    changes: dict[str, float | str] = {}
    for setting in settings:
        name, separator, text = (part.strip() for part in setting.partition("="))
        if not separator or name not in conditions:
            raise UnusableInput(f"--set {setting}: expected NAME=VALUE with one of {', '.join(conditions)}.")
        try:
            changes[name] = text if isinstance(conditions[name], str) else float(text)
        except ValueError:
            raise UnusableInput(f"--set {setting}: expected a number, got {text!r}.") from None
    return changes


def limits_now(ledger: "Ledger", experiment: "ExperimentRecord") -> "Mapping[str, Limit]":
    """The set-point limits that hold now, as the lab itself reads them."""
    from campaigns.specification import Campaign
    from devices.labfile import LabFileLimits, ReactorLimits

    campaign = Campaign.from_json(ledger.campaign(experiment.campaign_id).specification)
    return ReactorLimits(LabFileLimits(campaign.lab)).read()


def _whole(
    ledger: "Ledger", experiment: "ExperimentRecord", limits: "Mapping[str, Limit]", shown: str
) -> str:
    """The hash of what was shown, whose beginning a person types; a simulated lab takes what there is."""
    now = ledger.shown(experiment.id, limits=limits)
    if not shown and experiment.simulated:
        return now
    if len(shown) < SHOWN_DIGITS:
        raise UnusableInput(
            f"Say what you were shown: `morpholoop approvals show {experiment.id}` tells it as --shown."
        )
    return now if now.startswith(shown) else shown
