"""Who gives a command that takes a known person; at a simulated lab anybody may."""

import os
import sys
from typing import TYPE_CHECKING

import typer

from cli.ledgers import person as at_keyboard
from models.errors import UnusableInput

if TYPE_CHECKING:
    from campaigns.people import Person

TOKEN_VARIABLE = "MORPHOLOOP_TOKEN"

User = typer.Option("", "--user", help="Who decides; the password is asked for. A real lab takes this.")
FromStdin = typer.Option(False, "--password-stdin", help="Read the password from standard input.")


def signed_in(user: str, *, from_stdin: bool, simulated: bool) -> "Person":
    """The person who gives this command.

    A token in ``MORPHOLOOP_TOKEN`` says who it is, or ``user`` with a password. In a simulated lab, where
    nothing can come to harm, whoever is at the keyboard counts as an operator.
    Errors: :class:`UnusableInput` in a real lab without either, :class:`campaigns.people.SignInRefused`.
    """
    from campaigns.people import People, Person, Role
    from models.home import state_directory

    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not user and not token:
        if simulated:
            return Person(at_keyboard(), Role.OPERATOR, "terminal")
        raise UnusableInput(
            "This lab is real, so a known person has to decide: give --user NAME, or a token in "
            f"{TOKEN_VARIABLE}; `morpholoop user add` makes people known."
        )
    with People.open(state_directory()) as people:
        if not user:
            return people.by_token(token)
        return people.by_password(user, _password(user, from_stdin), address="terminal")


def _password(user: str, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UnusableInput("There is no terminal to ask for the password; give it with --password-stdin.")
    return str(typer.prompt(f"Password of {user}", hide_input=True, err=True))
