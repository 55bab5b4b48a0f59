"""`morpholoop user …`: who may act in this lab; for whoever administers the machine that it runs on."""

import sys
from typing import Any

import typer

from cli.ledgers import person as at_keyboard
from cli.output import console, emit

AsJson = typer.Option(False, "--json", help="Print one JSON object.")
Name = typer.Argument(help="Name to sign in with: a–z, 0–9 and ._@-")
RoleOption = typer.Option(..., "--role", help="viewer, scientist, operator or admin.")
FromStdin = typer.Option(False, "--password-stdin", help="Read the password from standard input.")

user = typer.Typer(
    help="Who may approve, start and manage: people, their roles and tokens.\n\n"
    "Example: morpholoop user add ann --role admin",
    no_args_is_help=True,
)


@user.command()
def add(
    name: str = Name,
    role: str = RoleOption,
    password_stdin: bool = FromStdin,
    no_password: bool = typer.Option(
        False, "--no-password", help="They come through a trusted proxy, or with a token, only."
    ),
    as_json: bool = AsJson,
) -> None:
    """Add a person; the password is asked for, or read from standard input, and never an argument.

    Example: morpholoop user add kim --role operator
    """
    from campaigns.people.directory import usable_name, usable_role

    usable_name(name), usable_role(role)  # before anybody has to think of a password
    password = None if no_password else _new_password(password_stdin)
    with _people() as people:
        record = people.add(name, role, password, by=at_keyboard())
    emit({"person": record}, as_json, lambda: f"{record.name} is {record.role} now.")


@user.command("list")
def list_(as_json: bool = AsJson) -> None:
    """Everybody, with their role and tokens.

    Example: morpholoop user list
    """
    with _people() as people:
        found, tokens = people.people(), people.tokens()

    def human() -> str:
        lines = []
        for one in found:
            state = "disabled" if one.disabled else "" if one.has_password else "no password"
            lines.append(f"{one.name:<24} {one.role:<10} {state}".rstrip())
            lines += [f"  token {token.id} {_told(token)}" for token in tokens if token.person == one.name]
        return "\n".join(lines) or "Nobody yet; `morpholoop user add NAME --role admin` adds the first."

    emit({"people": found, "tokens": tokens}, as_json, human)


@user.command()
def disable(
    name: str = Name,
    reason: str = typer.Option("", help="Kept in the audit."),
    as_json: bool = AsJson,
) -> None:
    """Keep a person out: sessions and tokens end at once. What they did stays on record.

    Example: morpholoop user disable kim --reason "left the lab"
    """
    with _people() as people:
        record = people.set_disabled(name, True, by=at_keyboard(), reason=reason)
    emit({"person": record}, as_json, lambda: f"{record.name} is kept out.")


@user.command()
def enable(name: str = Name, as_json: bool = AsJson) -> None:
    """Let a person in again who was disabled. Their tokens stay revoked.

    Example: morpholoop user enable kim
    """
    with _people() as people:
        record = people.set_disabled(name, False, by=at_keyboard())
    emit({"person": record}, as_json, lambda: f"{record.name} is {record.role} again.")


@user.command()
def role(
    name: str = Name, to: str = typer.Argument(metavar="ROLE", help="The new role."), as_json: bool = AsJson
) -> None:
    """Give a person another role, from now on.

    Example: morpholoop user role kim scientist
    """
    with _people() as people:
        record = people.set_role(name, to, by=at_keyboard())
    emit({"person": record}, as_json, lambda: f"{record.name} is {record.role} now.")


@user.command()
def password(name: str = Name, password_stdin: bool = FromStdin, as_json: bool = AsJson) -> None:
    """Replace a password; the person is signed out everywhere.

    Example: morpholoop user password kim
    """
    with _people() as people:
        known = people.person(name).name
        people.set_password(known, _new_password(password_stdin), by=at_keyboard())
    emit({"person": known}, as_json, lambda: f"{known} has a new password and is signed out everywhere.")


@user.command()
def token(
    name: str = Name,
    label: str = typer.Option("", help="What the token is for; needed for a new one."),
    days: int = typer.Option(90, min=1, max=366, help="Days until it ends."),
    revoke: int | None = typer.Option(None, help="Instead: end the token of this number now."),
    as_json: bool = AsJson,
) -> None:
    """Make an API token, which is shown once, or revoke one.

    Example: morpholoop user token kim --label "nightly export" --days 30
    """
    from models.errors import UnusableInput

    with _people() as people:
        if revoke is not None:
            if revoke not in [one.id for one in people.tokens(name)]:
                raise UnusableInput(f"{name} has no token {revoke}; `morpholoop user list` shows them.")
            ended = people.revoke_token(revoke, by=at_keyboard())
            emit({"token": ended}, as_json, lambda: f"Token {ended.id} ({ended.label}) is revoked.")
            return
        secret, made = people.add_token(name, label, days=days, by=at_keyboard())
    if not as_json:
        console.print("Keep it now: it is not shown again.", style="bold")
    emit({"token": made, "secret": secret}, as_json, lambda: secret)


def _people() -> Any:
    from campaigns.people import People
    from models.home import state_directory

    return People.open(state_directory())


def _new_password(from_stdin: bool) -> str:
    from models.errors import UnusableInput

    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UnusableInput("There is no terminal to ask for the password; give it with --password-stdin.")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _told(token: Any) -> str:
    end = f"revoked {token.revoked_at}" if token.revoked_at else f"until {token.expires_at}"
    return f"“{token.label}”, {end}"
