"""`morpholoop dry-run` and `morpholoop campaign …`: running campaigns, and reading how they stand."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.archive import export, import_, resume
from cli.driving import drive
from cli.ledgers import ledgers, person, the_campaign
from cli.output import emit

if TYPE_CHECKING:
    pass

CampaignFile = typer.Argument(help="Campaign file (YAML); see campaigns/library.")
Seed = typer.Option(None, help="In place of the file's seed.")
Iterations = typer.Option(None, help="Most experiments, in place of the file's budget.")
Fresh = typer.Option(False, "--fresh", help="Start again where the same campaign is finished already.")
Out = typer.Option(None, help="Folder for the report.")
Faults = typer.Option(None, help="Scenario (YAML) of what goes wrong; see campaigns/library/faults.")
RealTimeFactor = typer.Option(
    None,
    help="For demonstrations: seconds of the simulated lab in a real one, e.g. 600 "
    "(default: time jumps, and three weeks pass in minutes).",
)
AsJson = typer.Option(False, "--json", help="Print one JSON object.")
CampaignId = typer.Argument(None, help="Campaign id (default: the newest).")

campaign = typer.Typer(
    help="Validate, start, watch, stop, report, copy.\n\nExample: morpholoop campaign status --json",
    no_args_is_help=True,
)

campaign.command()(export)
campaign.command("import")(import_)
campaign.command()(resume)


def dry_run(
    campaign_file: Path = CampaignFile,
    seed: int | None = Seed,
    iterations: int | None = Iterations,
    out: Path | None = Out,
    fresh: bool = Fresh,
    faults: Path | None = Faults,
    real_time_factor: float | None = RealTimeFactor,
    as_json: bool = AsJson,
) -> None:
    """Run a campaign in its simulated lab, to its end.

    An unfinished run of the same file and seed is gone on with, wherever it was stopped; of a finished one
    the result is shown again (--fresh runs it anew). Exit status 0 converged, 1 ended without that.

    Example: morpholoop dry-run campaigns/library/membrane.yaml --seed 1
    """
    drive(
        campaign_file,
        as_json,
        seed=seed,
        iterations=iterations,
        out=out,
        fresh=fresh,
        simulated_only=True,
        faults=faults,
        real_time_factor=real_time_factor,
    )


@campaign.command()
def start(
    campaign_file: Path = CampaignFile,
    seed: int | None = Seed,
    iterations: int | None = Iterations,
    out: Path | None = Out,
    fresh: bool = Fresh,
    as_json: bool = AsJson,
) -> None:
    """Run a campaign in the lab that it names, until it ends or waits for a person.

    Given again, it goes on: after a stop, a pause, or an approval.
    Example: morpholoop campaign start campaign.yaml
    """
    drive(
        campaign_file,
        as_json,
        seed=seed,
        iterations=iterations,
        out=out,
        fresh=fresh,
        simulated_only=False,
    )


@campaign.command()
def validate(campaign_file: Path = CampaignFile, as_json: bool = AsJson) -> None:
    """Check a campaign file and that its lab allows all it may ask for; every fault is told at once.

    Example: morpholoop campaign validate campaign.yaml
    """
    from devices.labfile import read_lab_file
    from flows.opening import check_reach, read_campaign

    read = read_campaign(campaign_file)
    lab = read_lab_file(read.lab)
    limits = lab.limits()
    limits.pop("magnification")
    check_reach(read, lab.name, limits)
    emit(
        {
            "valid": True,
            "campaign": read.name,
            "digest": read.digest(),
            "simulated": lab.simulated,
            "lab": lab.name,
            "parameters": [parameter.name for parameter in read.parameters],
            "targets": list(read.descriptors()),
            "experiments": read.budget.experiments,
        },
        as_json,
        lambda: (
            f"{campaign_file} is fine: {len(read.parameters)} parameters, "
            f"targets {', '.join(read.descriptors())}, "
            f"at most {read.budget.experiments} experiments in {lab.name}."
        ),
    )


@campaign.command()
def status(campaign_id: str | None = CampaignId, as_json: bool = AsJson) -> None:
    """How a campaign stands: the same JSON object as a dry run's.

    Example: morpholoop campaign status --json
    """
    from cli.summary import summary

    with the_campaign(campaign_id) as (ledger, record):
        found = ledger.status(record.id)
    emit(found.as_json(), as_json, lambda: summary(found))


@campaign.command("list")
def list_(as_json: bool = AsJson) -> None:
    """All campaigns of the state directory, the newest first.

    Example: morpholoop campaign list
    """
    with ledgers() as opened:
        records = [
            (record, len(ledger.experiments(record.id))) for ledger in opened for record in ledger.campaigns()
        ]
    records.sort(key=lambda pair: pair[0].created_at, reverse=True)
    rows = [
        {
            "campaign": record.id,
            "name": record.name,
            "seed": record.seed,
            "simulated": record.simulated,
            "status": str(record.status),
            "reason": record.reason,
            "experiments": experiments,
            "started": record.created_at,
            "report": record.report,
        }
        for record, experiments in records
    ]
    lines = [
        f"{row['campaign']:<32} {row['status']:<13} {row['experiments']:>3} experiments"
        f"{'  (simulated)' if row['simulated'] else ''}"
        for row in rows
    ]
    emit({"campaigns": rows}, as_json, lambda: "\n".join(lines) or "No campaign yet.")


@campaign.command()
def report(campaign_id: str | None = CampaignId, out: Path | None = Out, as_json: bool = AsJson) -> None:
    """Write a campaign's report, as it stands now, as one HTML file.

    Example: morpholoop campaign report membrane-s0-r1 --out .
    """
    from flows.reporting import write_report
    from models.home import state_directory

    with the_campaign(campaign_id) as (ledger, record):
        written = write_report(ledger, record.id, state_directory(), out).report
    emit({"campaign": record.id, "report": written}, as_json, lambda: f"Report: {written}")


@campaign.command()
def pause(campaign_id: str | None = CampaignId, as_json: bool = AsJson) -> None:
    """Have a campaign stop after the step that it is in; `campaign start` or `dry-run` goes on with it.

    Example: morpholoop campaign pause
    """
    _set(campaign_id, "waiting", "paused", as_json)


@campaign.command()
def abort(
    campaign_id: str | None = CampaignId,
    reason: str = typer.Option("aborted by a person", help="Kept with the campaign."),
    as_json: bool = AsJson,
) -> None:
    """End a campaign for good; a reactor that runs for it is brought to its safe state.

    Example: morpholoop campaign abort membrane-s0-r1 --reason "wrong precursor"
    """
    _set(campaign_id, "aborted", reason, as_json)


def _set(campaign_id: str | None, to: str, reason: str, as_json: bool) -> None:
    with the_campaign(campaign_id) as (ledger, record):
        moved = ledger.set_status(record.id, record.status, to, author=person(), reason=reason)
    emit(
        {"campaign": moved.id, "status": str(moved.status), "reason": moved.reason},
        as_json,
        lambda: f"{moved.id} is {moved.status}: {moved.reason}",
    )
