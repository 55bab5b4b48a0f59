"""`morpholoop lab status`: what a lab reads, runs and waits for, without touching it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from cli.output import emit, plain

if TYPE_CHECKING:
    from devices.places import Place
    from devices.sections import LabFile
    from devices.snapshot import Snapshot


def status(
    lab_file: Path = typer.Argument(..., metavar="LAB.yaml", help="Lab file."),
    state: Path | None = typer.Option(
        None, help="State directory (default: where the lab is driven, or was last)."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Values with limits, alarms, the batch that runs, who drives the lab, and the last stop. Read-only.

    Of a lab that is driven, what its own process reads once a second is shown; nobody else asks the devices.
    Example: morpholoop lab status campaigns/library/labs/simulated-lmr.yaml
    """
    from devices.labfile import read_lab_file
    from devices.places import Place, places, root
    from devices.stopping import STOP, standing, stop_file
    from models.home import state_directory

    lab, home = read_lab_file(lab_file), state_directory(create=False)
    there = places(lab, home, state)
    kind = root(home, simulated=lab.simulated)
    place = there[0] if there else Place(kind / "labs" / "none-yet", None)
    shown = place.snapshot if place.held and place.snapshot else _looked(lab_file, lab, place)
    order = standing((place.state_dir / STOP, stop_file(kind, lab.name)))
    found = {
        "lab": shown.lab,
        "simulated": shown.simulated,
        "state_dir": place.state_dir,
        "held": place.held,
        "holder": shown.holder,
        "at": shown.at,
        "lab_time": shown.lab_time,
        "reactor": {
            "state": shown.state,
            "running": shown.running,
            "run_id": shown.run_id,
            "starts": shown.starts,
        },
        "microscope": {"state": shown.microscope, "sample": shown.sample, "note": shown.note},
        "devices": shown.devices,
        "values": shown.values,
        "alarms": shown.alarms,
        "last_stop": shown.last_stop,
        "stop_order": None if order is None else {"file": order[0], **plain(order[1])},
        "also_driven": [other.state_dir for other in there[1:] if other.held],
    }
    emit(found, as_json, lambda: _told(plain(found)))


def _looked(lab_file: Path, lab: "LabFile", place: "Place") -> "Snapshot":
    """What the devices say now of a lab that nobody drives."""
    from devices.errors import LabError
    from devices.labfile import load_lab
    from devices.snapshot import take

    last = place.snapshot
    known: dict[str, Any] = {
        "file": str(lab_file.resolve()),
        "seed": last.seed if last else 0,
        "holder": last.holder if last else None,
        "open": False,
        "last_stop": last.last_stop if last else None,
    }
    try:
        with load_lab(lab_file, state_dir=place.state_dir, seed=known["seed"], attended=False) as laboratory:
            now = take(laboratory, **known)
        return now if now.run_id or last is None else now.model_copy(update={"run_id": last.run_id})
    except LabError as error:
        if last is None:
            raise
        return last.model_copy(update={"alarms": (*last.alarms, str(error)), "open": False})


def _told(found: dict[str, Any]) -> str:
    holder, reactor, microscope = found["holder"], found["reactor"], found["microscope"]
    if found["held"]:
        who = f"driven by process {holder['pid']} on {holder['host']}"
    else:
        who = "nobody drives it" + (f" (last: process {holder['pid']} on {holder['host']})" if holder else "")
    runs = f", batch {reactor['running']} runs" if reactor["running"] else ""
    lines = [
        f"{found['lab']}{' (simulated)' if found['simulated'] else ''}: {who}; {found['state_dir']}",
        f"lab time {found['lab_time']}, read at {found['at']}",
        f"reactor {reactor['state']}{runs}; latest run id {reactor['run_id'] or 'none'}, "
        f"{reactor['starts']} starts",
        f"microscope {microscope['state']}"
        + (f", sample {microscope['sample']}" if microscope["sample"] else "")
        + (f": {escape(microscope['note'])}" if microscope["note"] else ""),
        *(
            f"  {one['name']:<16} {one['kind']} {one['state']}{', ' if one['key'] else ''}{one['key']}"
            for one in found["devices"]
        ),
        *map(_value, found["values"]),
        *(f"[red]ALARM[/red] {escape(alarm)}" for alarm in found["alarms"]),
    ]
    stop, order = found["last_stop"], found["stop_order"]
    if stop:
        lines.append(f"last stop at {stop['at']} by {stop['author']}: {escape(stop['reason'])}")
    if order:
        lines.append(
            f"[red]STOPPED[/red] {escape(order['reason'])} ({escape(order['file'])}); nothing starts"
        )
    return "\n".join(lines)


def _value(reading: dict[str, Any]) -> str:
    def text(value: object) -> str:
        return f"{value:g}" if isinstance(value, float | int) else str("–" if value is None else value)

    allowed = ", ".join(reading["choices"]) or f"{text(reading['low'])} to {text(reading['high'])}"
    return (
        f"  {reading['name']:<16} {text(reading['value']):>8} {reading['unit']:<4}"
        f" set-point {text(reading['setpoint'])}, allowed {allowed}"
    )
