"""`morpholoop lab stop` and `lab clear`: an emergency stop that needs no ledger, no flow and no answer."""

from pathlib import Path

import typer
from rich.markup import escape

from cli.output import console, emit
from cli.recording import take_note


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
    from devices import ordering
    from devices.stopping import StopOrder
    from models.home import state_directory

    order = StopOrder.now(reason, author)
    done = ordering.stop(lab_file, state_directory(create=False), order, state)
    if done.remark:
        console.print(f"[yellow]{escape(done.remark)}[/yellow]")
    facts = {"file": str(lab_file), "confirmed": done.stopped}
    take_note("lab stopped", lab_file.stem, author=order.author, reason=reason, facts=facts)
    clear_ = f"morpholoop lab clear {lab_file}" + (f" --state {state}" if state else "")
    report = {
        "order": order,
        "files": done.files,
        "outcomes": done.outcomes,
        "stopped": done.stopped,
        "clear": clear_,
    }

    def human() -> str:
        lines = [
            f"{'[green]stopped[/green]' if one.stopped else '[red]NOT CONFIRMED[/red]'} {escape(one.told)}"
            for one in done.outcomes
        ] or ["Nobody drives this lab and nothing runs in it."]
        return "\n".join([*lines, f"Nothing starts until: {escape(clear_)}"])

    emit(report, as_json, human)
    if not done.stopped:
        raise typer.Exit(1)


def clear(
    lab_file: Path = typer.Argument(..., metavar="LAB.yaml", help="Lab file."),
    state: Path | None = typer.Option(None, help="State directory, if the lab was opened in another one."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Take back the stop orders to a lab, so that it can be started again; nothing starts by itself.

    Example: morpholoop lab clear LAB.yaml
    """
    from devices import ordering
    from models.home import state_directory

    cleared = ordering.clear(lab_file, state_directory(create=False), state)
    if cleared:
        orders = [order.told() for order in cleared.values()]
        take_note("lab cleared", lab_file.stem, facts={"file": str(lab_file), "orders": orders})
    told = "\n".join(f"Cleared: {order.told()}." for order in cleared.values())
    emit(
        {"cleared": [{"file": path, "order": order} for path, order in cleared.items()]},
        as_json,
        lambda: escape(told or "No stop order stands."),
    )
