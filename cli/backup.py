"""`morpholoop backup`: copies of the databases while they are in use."""

from pathlib import Path

import typer

from cli.output import emit


def backup(
    out: Path | None = typer.Option(
        None, help="Folder for the copies (default: backups/ in the state directory)."
    ),
    keep: int | None = typer.Option(
        None, min=1, help="Copies to keep; older ones are deleted (default: all)."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Copy the ledgers and the people while they are in use; micrographs and models are files of their own.

    Example: morpholoop backup --out /mnt/safe --keep 30
    """
    from campaigns.backup import back_up, check
    from models.home import state_directory

    home = state_directory(create=False)
    made = back_up(home, out or home / "backups", keep=keep)
    files = [str(path.relative_to(made)) for path in check(made)]
    emit(
        {"backup": str(made), "files": files},
        as_json,
        lambda: f"{', '.join(files)} copied to {made}; docs/deploy.md says how to go back to it.",
    )
