"""`morpholoop doctor`: is this installation fit for a campaign?"""

import typer

from cli.checks import Check, all_checks, notifications
from cli.output import emit


def doctor(
    notify: bool = typer.Option(False, "--notify", help="Also send a message to the addresses set."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Check versions, the state directory, the database, the labs' devices, the weights and the disk.

    Exit status 1 when a check fails. Example: morpholoop doctor
    """
    checks = [*all_checks(), notifications(send=notify)]
    ok = all(check.ok for check in checks)
    emit({"ok": ok, "checks": checks}, as_json, lambda: "\n".join(map(_line, checks)))
    if not ok:
        raise typer.Exit(1)


def _line(check: Check) -> str:
    mark = "[green]ok  [/green]" if check.ok else "[red]FAIL[/red]"
    detail = check.detail.replace("[", r"\[")
    return f"{mark} {check.name:<16} {detail}"
