"""The backup of the databases on a schedule."""

from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from campaigns.backup import back_up
from flows.progress import Event, tell
from models.home import state_directory


@flow(name="backup", retries=0, persist_result=False)
def backup(folder: Path | None = None, keep: Annotated[int, Field(ge=1)] = 14) -> Path:
    """Copy the databases of the state directory while they are in use, and drop the oldest copies.

    Args:
        folder: where the copies go, one folder each; empty: the state directory's `backups`.
        keep: how many copies are kept.

    Errors: :class:`models.errors.UnusableInput` when there is nothing to copy, or no room.
    """
    home = state_directory()
    made = back_up(home, folder or home / "backups", keep=keep)
    tell(Event("backup", f"copied to {made}", subject="databases"))
    return made
