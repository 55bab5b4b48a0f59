"""Running a campaign from the command line until it ends or waits, with its progress."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.output import console, emit

if TYPE_CHECKING:
    from campaigns.ledger import CampaignStatus
    from campaigns.specification import Campaign


def drive(
    campaign_file: Path,
    as_json: bool,
    *,
    simulated_only: bool,
    seed: int | None = None,
    iterations: int | None = None,
    out: Path | None = None,
    fresh: bool = False,
    faults: Path | None = None,
    real_time_factor: float | None = None,
) -> None:
    """Run a campaign until it ends or waits, with its progress; exit status 1 unless it converged."""
    from campaigns.ledger import CampaignState
    from flows.server import prefect_server_starting

    with prefect_server_starting() as wait_for_server:
        from cli.display import CampaignDisplay
        from cli.summary import summary
        from flows.campaign import campaign as run_campaign
        from flows.opening import read_campaign, simulated_lab
        from flows.progress import watched
        from models.errors import UnusableInput

        # Before anything is done: what is wrong with the file is told at once.
        read = read_campaign(campaign_file, seed, iterations, faults)
        if simulated_only and not simulated_lab(read):
            raise UnusableInput(
                f"The lab of {campaign_file} is not simulated, so this would be no dry run; "
                "name a simulated lab in the file, or use `morpholoop campaign start`."
            )
        done = None if fresh else _finished(read, out)
        if done is not None:
            console.print(f"{done.campaign} is finished; --fresh would run it anew.", markup=False)
            found = done
        else:
            console.print(f"Campaign {read.name}, seed {read.seed}: preparing (a few seconds)", markup=False)
            wait_for_server()
            with CampaignDisplay() as display, watched(display):
                found = run_campaign(
                    campaign_file.absolute(),
                    seed,
                    iterations,
                    fresh,
                    out,
                    None if faults is None else faults.absolute(),
                    real_time_factor,
                )
    emit(found.as_json(), as_json, lambda: summary(found))
    if found.status is not CampaignState.CONVERGED:
        raise typer.Exit(1)


def _finished(read: "Campaign", out: Path | None) -> "CampaignStatus | None":
    """The status of a campaign that needs no more work, with its report; else None."""
    from flows.opening import finished, open_ledger, simulated_lab
    from flows.reporting import write_report
    from models.home import state_directory

    home = state_directory()
    with open_ledger(home, simulated=simulated_lab(read)) as ledger:
        record = finished(ledger, read)
        return None if record is None else write_report(ledger, record.id, home, out, only_missing=True)
