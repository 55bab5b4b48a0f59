"""`morpholoop lab check`: is each device of a lab fit to be used?"""

import tempfile
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from cli.output import emit


def check(
    lab_file: Path = typer.Argument(..., metavar="LAB.yaml", help="Lab file."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Check every device of a lab: importable, connected, limits, units. Nothing moves.

    Exit status 1 when something is wrong, 2 when the lab file is not usable.
    Example: morpholoop lab check campaigns/library/labs/simulated-lmr.yaml
    """
    from devices.checking import check_lab
    from devices.labfile import read_lab_file
    from models.home import state_directory

    lab = read_lab_file(lab_file)
    if lab.simulated:
        # A simulated lab that runs is not looked into: a fresh one has the same devices.
        with tempfile.TemporaryDirectory(prefix="morpholoop-check-") as folder:
            rows = check_lab(lab_file, state_dir=Path(folder))
    else:
        rows = check_lab(lab_file, state_dir=state_directory())
    found = [
        {"device": row.name, "class": row.device_class, "ok": row.ok, "faults": row.faults} for row in rows
    ]
    ok = all(row.ok for row in rows)
    report = {"lab": lab.name, "simulated": lab.simulated, "ok": ok, "devices": found}
    emit(report, as_json, lambda: "\n".join(map(_line, found)))
    if not ok:
        raise typer.Exit(1)


def _line(row: dict[str, Any]) -> str:
    mark = "[green]ok  [/green]" if row["ok"] else "[red]FAIL[/red]"
    told = "; ".join(row["faults"]) or row["class"]
    return f"{mark} {row['device']:<12} {escape(told)}"
