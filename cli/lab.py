"""`morpholoop lab`: check, watch and stop a lab, answer its tasks, serve the simulated one over EPICS."""

from pathlib import Path

import typer

from cli.lab_check import check
from cli.lab_status import status
from cli.lab_stop import clear, stop
from cli.lab_tasks import confirm, tasks

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _command in (check, status, stop, clear, tasks, confirm):
    app.command()(_command)

SHIPPED = Path(__file__).parents[1] / "campaigns" / "library" / "labs" / "simulated-lmr.yaml"


@app.callback()
def _lab() -> None:
    """Check, watch and stop a lab, and answer its tasks.

    Example: morpholoop lab check campaigns/library/labs/simulated-lmr.yaml
    """


@app.command("serve-ioc")
def serve_ioc(
    lab_file: Path = typer.Argument(SHIPPED, metavar="[LAB.yaml]", help="Lab file of a simulated lab."),
    seed: int = typer.Option(0, min=0, help="What the plant's hidden constants are drawn from."),
    campaign_seed: int | None = typer.Option(
        None, min=0, help="Instead: the seed of a campaign, for the very plant that it has in process."
    ),
    prefix: str = typer.Option("ML:", help="What every PV's name begins with."),
    port: int = typer.Option(5064, min=1024, max=65535, help="Channel Access port, on this machine alone."),
    state: Path | None = typer.Option(
        None, help="Folder of the controller's journal (default: ioc in the state directory)."
    ),
    watchdog: float = typer.Option(
        60.0, min=0.1, help="Seconds without a heartbeat after which the plant goes safe."
    ),
    real_time_factor: float | None = typer.Option(
        None, help="Virtual seconds in a real one (default: as in the lab file; without, time jumps)."
    ),
    faults: Path | None = typer.Option(
        None, help="Scenario (YAML) of what goes wrong; see campaigns/library/faults."
    ),
) -> None:
    """Serve the reactors and microscopes of a simulated lab over Channel Access, until Ctrl-C.

    Example: morpholoop lab serve-ioc campaigns/library/labs/simulated-lmr.yaml --seed 0 --port 5064
    """
    from devices.labfile import load_class
    from models.home import state_directory

    # By name, as a lab file would: what drives real labs never imports the simulator.
    serve = load_class("sim.ioc:serve", lab_file)
    if campaign_seed is not None:
        from flows.seeds import derive

        seed = derive(campaign_seed, 0, "laboratory")
    serve(
        lab_file,
        seed=seed,
        prefix=prefix,
        port=port,
        state_dir=state if state is not None else state_directory() / "ioc",
        watchdog_s=watchdog,
        real_time_factor=real_time_factor,
        faults=faults,
    )
