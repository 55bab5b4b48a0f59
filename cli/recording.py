"""Taking what somebody at the terminal did into the audit, if that can be had."""

from collections.abc import Mapping

from rich.markup import escape

from cli.ledgers import person
from cli.output import console


def take_note(
    act: str,
    subject: str,
    *,
    author: str = "",
    reason: str = "",
    facts: Mapping[str, object] | None = None,
) -> None:
    """Note an act of ``author`` (default: whoever is at the keyboard); that it could not be noted is told.

    What was done is not undone for want of a database: a stop, above all.
    """
    from campaigns.people import People
    from models.errors import UnusableInput
    from models.home import state_directory

    try:
        with People.open(state_directory(create=False)) as people:
            told = {**(facts or {}), "via": "terminal"}
            people.note(act, author=author or person(), subject=subject, reason=reason, facts=told)
    except UnusableInput as error:
        console.print(f"[yellow]This is not in the audit: {escape(str(error))}[/yellow]")
