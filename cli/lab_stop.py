"""`morpholoop lab stop` and `lab clear`: an emergency stop that needs no ledger, no flow and no answer."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from cli.lab_places import Place, places, places_by_file, root
from cli.output import console, emit

if TYPE_CHECKING:
    from devices.stopping import StopOrder

CONFIRM_S = 5.0
"""How long to wait for the process that drives the lab to say that it has stopped, in seconds."""


@dataclass(frozen=True)
class Outcome:
    """What came of the stop in one place where the lab is driven or was."""

    state_dir: Path
    process: int | None
    stopped: bool
    told: str


def stop(
    lab_file: Path = typer.Argument(..., metavar="LAB.yaml", help="Lab file."),
    reason: str = typer.Option("stopped from the command line", help="Kept in the record of the run."),
    author: str = typer.Option("", help="Who stops it (default: the user at the keyboard)."),
    state: Path | None = typer.Option(None, help="State directory, if the lab was opened in another one."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Stop the lab now, whoever drives it; nothing starts until `morpholoop lab clear LAB.yaml`.

    The order lies in a file that the driving process looks for five times a second. Where nobody drives the
    lab, its devices are stopped directly. Exit status 1 when a stop was not confirmed.
    Example: morpholoop lab stop LAB.yaml --reason "smoke in the fume hood"
    """
    from devices.stopping import StopOrder, give

    order = StopOrder.now(reason, author)
    files, there, usable = _addressed(lab_file, state)
    for path in files:
        give(order, path)
    outcomes = [_stopped(lab_file, place, order, usable=usable) for place in there]
    ok = all(one.stopped for one in outcomes)
    clear_ = f"morpholoop lab clear {lab_file}" + (f" --state {state}" if state else "")
    report = {"order": order, "files": files, "outcomes": outcomes, "stopped": ok, "clear": clear_}

    def human() -> str:
        lines = [
            f"{'[green]stopped[/green]' if one.stopped else '[red]NOT CONFIRMED[/red]'} {escape(one.told)}"
            for one in outcomes
        ] or ["Nobody drives this lab and nothing runs in it."]
        return "\n".join([*lines, f"Nothing starts until: {escape(clear_)}"])

    emit(report, as_json, human)
    if not ok:
        raise typer.Exit(1)


def clear(
    lab_file: Path = typer.Argument(..., metavar="LAB.yaml", help="Lab file."),
    state: Path | None = typer.Option(None, help="State directory, if the lab was opened in another one."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Take back the stop orders to a lab, so that it can be started again; nothing starts by itself.

    Example: morpholoop lab clear LAB.yaml
    """
    from devices.errors import LabError
    from devices.stopping import STOP, standing

    files, there, _ = _addressed(lab_file, state)
    cleared: dict[Path, StopOrder] = {}
    for path in dict.fromkeys([*files, *(place.state_dir / STOP for place in there)]):
        found = standing((path,))
        if found is None:
            continue
        try:
            path.unlink()
        except OSError as error:
            raise LabError(
                f"{path} cannot be removed ({error.strerror or error}); the stop stands."
            ) from error
        cleared[path] = found[1]
    told = "\n".join(f"Cleared: {order.told()}." for order in cleared.values())
    emit(
        {"cleared": [{"file": path, "order": order} for path, order in cleared.items()]},
        as_json,
        lambda: escape(told or "No stop order stands."),
    )


def _addressed(lab_file: Path, state: Path | None) -> tuple[list[Path], list[Place], bool]:
    """The files that an order is laid into, the places that it is for, and whether the lab file is usable."""
    from devices.errors import LabError
    from devices.labfile import read_lab_file
    from devices.stopping import STOP, stop_file

    try:
        lab = read_lab_file(lab_file)
    except LabError as error:
        # A lab whose file was spoilt after it was opened has to stop all the same.
        there = [Place(state, None)] if state is not None else places_by_file(lab_file)
        if not there:
            raise
        console.print(f"[yellow]{escape(str(error))}[/yellow]")
        return [place.state_dir / STOP for place in there], there, False
    there = places(lab, state)
    if state is not None:
        return [state / STOP], there, True
    return [stop_file(root(simulated=lab.simulated), lab.name)], there, True


def _stopped(lab_file: Path, place: Place, order: "StopOrder", *, usable: bool) -> Outcome:
    from devices.errors import LabError
    from devices.snapshot import read

    snapshot, driven = place.snapshot, place.held
    pid = snapshot.holder.pid if driven and snapshot and snapshot.holder else None
    deadline = time.monotonic() + CONFIRM_S
    while driven and time.monotonic() < deadline:
        now = read(place.state_dir)
        if now is not None and now.last_stop is not None and now.last_stop.id == order.id:
            failed = next((alarm for alarm in now.alarms if alarm.startswith("the stop did not work")), "")
            return Outcome(
                place.state_dir,
                pid,
                not failed,
                failed or f"process {pid} has stopped the lab; {place.state_dir}",
            )
        time.sleep(0.05)
    silent = f"process {pid} does not answer; " if driven else ""
    if not usable:
        return Outcome(place.state_dir, pid, not driven, f"{silent}the order lies in {place.state_dir}")
    try:
        return Outcome(place.state_dir, pid, True, silent + _directly(lab_file, place, order))
    except LabError as error:
        return Outcome(place.state_dir, pid, False, f"{silent}{error} Use the hardware's own stop.")


def _directly(lab_file: Path, place: Place, order: "StopOrder") -> str:
    """Stop the devices themselves, where no process does it."""
    from devices import snapshot
    from devices.labfile import load_lab

    last = place.snapshot
    seed = last.seed if last else 0
    with load_lab(lab_file, state_dir=place.state_dir, seed=seed, attended=False) as lab:
        running = lab.reactor.logic.running()
        if running is None and lab.simulated:
            return f"nobody drives the lab and nothing runs in it; {place.state_dir}"
        lab.stop(order.told())
        now = snapshot.take(
            lab, file=str(lab_file.resolve()), seed=seed, holder=None, open=False, last_stop=order
        )
        snapshot.write(now, place.state_dir)
    lost = f"the batch {running} is lost" if running else "no batch ran"
    return f"the devices were stopped directly, {lost}; {place.state_dir}"
