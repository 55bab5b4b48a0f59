"""`morpholoop audit …`: who did what when, and whether the record of it is untouched."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from cli.output import emit, plain
from models.errors import UnusableInput

if TYPE_CHECKING:
    from campaigns.ledger import AuditEntry, AuditFilter
    from campaigns.people import People

AsJson = typer.Option(False, "--json", help="Print one JSON object.")
Who = typer.Option("", help="Only what this person (or program) did.")
What = typer.Option("", help="Only this act or state, e.g. approved, aborted, 'sign-in refused'.")
About = typer.Option("", help="Only what begins so: a campaign, an experiment, a person, a lab.")
Since = typer.Option("", help="From this time on (ISO 8601, UTC unless it says otherwise), e.g. 2026-11-01.")
Until = typer.Option("", help="Up to, not including, this time.")

audit = typer.Typer(
    help="Who did what when; is the record untouched?\n\nExample: morpholoop audit list --who kim",
    no_args_is_help=True,
)


@audit.command("list")
def list_(
    who: str = Who,
    what: str = What,
    about: str = About,
    since: str = Since,
    until: str = Until,
    most: int = typer.Option(50, "--limit", "-n", min=1, max=100_000, help="At most so many, the newest."),
    as_json: bool = AsJson,
) -> None:
    """What people did and how experiments moved, the newest first.

    Example: morpholoop audit list --about lmr-precursor-s0-r1 --what approved
    """
    found = _found(_filter(who, what, about, since, until, most))

    def human() -> str:
        lines = [
            f"{one.at[:19]}  {one.author:<20} {one.what:<16} {one.subject}"
            + (f"  ({one.reason})" if one.reason else "")
            for one in found
        ]
        return escape("\n".join(lines) or "Nothing of the kind is on record.")

    emit({"entries": found}, as_json, human)


@audit.command()
def verify(
    noted: list[str] = typer.Option(
        [], "--head", help="A head that was noted earlier, as this command prints it: STORE:HASH; repeat."
    ),
    as_json: bool = AsJson,
) -> None:
    """Check that no record was changed, removed or added. Exit status 1 names the first row that was.

    Note the heads outside this machine: who can write to the database can make a whole new chain.
    Example: morpholoop audit verify --head real:3f…
    """
    from campaigns.people import auditing
    from models.home import state_directory

    with _people() as people:
        checks = auditing.verify(state_directory(create=False), people, noted)

    def human() -> str:
        return escape(
            "\n".join(
                f"{one.store}: {one.rows} rows, untouched; head {one.store}:{one.head}"
                if one.holds
                else f"{one.store}: BROKEN after {one.rows} rows. {one.fault}"
                for one in checks
            )
        )

    ok = all(one.holds for one in checks)
    rows = [{**plain(one), "holds": one.holds} for one in checks]
    emit({"holds": ok, "stores": rows}, as_json, human)
    if not ok:
        raise typer.Exit(1)


@audit.command()
def export(
    out: Path = typer.Argument(help="File to be written: .csv or .json."),
    who: str = Who,
    what: str = What,
    about: str = About,
    since: str = Since,
    until: str = Until,
    as_json: bool = AsJson,
) -> None:
    """Write the record to a file, with every hash.

    Example: morpholoop audit export november.csv --since 2026-11-01 --until 2026-12-01
    """
    import json

    from campaigns.people import auditing

    if out.suffix not in (".csv", ".json"):
        raise UnusableInput(f"{out} is neither .csv nor .json; give one of these.")
    found = _found(_filter(who, what, about, since, until, 10_000_000))
    text = auditing.as_csv(found) if out.suffix == ".csv" else json.dumps({"entries": plain(found)}, indent=1)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnusableInput(f"{out} cannot be written ({error.strerror or error}).") from error
    emit({"file": out, "entries": len(found)}, as_json, lambda: f"{len(found)} entries are in {out}.")


def _people() -> "People":
    from campaigns.people import People
    from models.home import state_directory

    return People.open(state_directory())


def _found(wanted: "AuditFilter") -> "tuple[AuditEntry, ...]":
    from campaigns.people import auditing
    from models.home import state_directory

    with _people() as people:
        return auditing.entries(state_directory(create=False), people, wanted)


def _filter(who: str, what: str, about: str, since: str, until: str, most: int) -> Any:
    from campaigns.ledger import AuditFilter
    from campaigns.people.auditing import moment

    return AuditFilter(who, what, about, moment(since), moment(until), most)
