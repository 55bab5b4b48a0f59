"""The command `morpholoop`: which commands there are, and how an error reaches the user.

A command's module is imported only when that command is asked for, so that ``morpholoop --help`` answers at
once although some commands bring in torch or Prefect.
"""

import importlib
import os
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from models.errors import UnusableInput

INTERRUPTED = 130


@dataclass(frozen=True)
class Entry:
    """One command: where it is (a function, or a ``typer.Typer`` of sub-commands) and its one-line help."""

    name: str
    module: str
    attribute: str
    help: str
    panel: str


IMAGES, MODEL, CAMPAIGNS, LAB, SETUP = "Images", "Model", "Campaigns", "Lab", "Installation"
ENTRIES = (
    Entry(
        "quantify", "cli.quantification", "quantify", "Measure particles and texture in SEM images.", IMAGES
    ),
    Entry("representativity", "cli.images", "representativity", "Is the image large enough?", IMAGES),
    Entry("generate", "cli.model", "generate", "Imagine micrographs for given conditions.", MODEL),
    Entry(
        "predict", "cli.model", "predict", "Predict descriptors, with spread, for given conditions.", MODEL
    ),
    Entry("invert", "cli.model", "invert", "Search for the conditions that give a target.", MODEL),
    Entry("model", "cli.model", "model", "Model versions: list, show, train, fine-tune, promote.", MODEL),
    Entry("dataset", "cli.dataset", "dataset", "Labelled micrographs: ingest, list, show, export.", MODEL),
    Entry(
        "simulate",
        "cli.simulation",
        "simulate",
        "Labelled micrographs to train on, simulated.",
        MODEL,
    ),
    Entry(
        "dry-run", "cli.campaign", "dry_run", "Run a campaign in the simulated lab, to its end.", CAMPAIGNS
    ),
    Entry(
        "campaign",
        "cli.campaign",
        "campaign",
        "Validate, start, watch, stop, report and copy campaigns.",
        CAMPAIGNS,
    ),
    Entry(
        "approvals",
        "cli.approvals",
        "approvals",
        "List, show, approve, edit and reject proposals.",
        CAMPAIGNS,
    ),
    Entry("dashboard", "cli.dashboard", "dashboard", "Watch, approve and stop in a browser.", CAMPAIGNS),
    Entry("lab", "cli.lab", "app", "Check, watch and stop a lab, answer its tasks.", LAB),
    Entry("init", "cli.init", "init", "A folder to work in, with campaigns to begin from.", SETUP),
    Entry("user", "cli.user", "user", "Who may act: people, roles and tokens.", SETUP),
    Entry("audit", "cli.audit", "audit", "Who did what when; is it untouched?", SETUP),
    Entry("backup", "cli.backup", "backup", "Copy the databases while they are in use.", SETUP),
    Entry("doctor", "cli.doctor", "doctor", "Check this installation and its state directory.", SETUP),
)


class LazyGroup(TyperGroup):
    """A group whose commands show their one-line help at once and import their module when called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names, its module imported now."""
        entry = next((entry for entry in ENTRIES if args and entry.name == args[0]), None)
        if entry is None:
            return super().resolve_command(ctx, args)
        return entry.name, load(entry), args[1:]


app = typer.Typer(
    cls=LazyGroup,
    name="morpholoop",
    help="From a target microstructure to the conditions that make it, in a closed loop.\n\n"
    "Example: morpholoop dry-run campaigns/library/membrane.yaml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def load(entry: Entry) -> Any:
    """The click command behind an entry."""
    target = getattr(importlib.import_module(entry.module), entry.attribute)
    if isinstance(target, typer.Typer):
        return typer.main.get_group(target)
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name=entry.name)(target)
    return typer.main.get_command(single)


def _placeholder() -> None:
    """Stands in the table of commands until the command is called."""


for _entry in ENTRIES:
    app.command(name=_entry.name, help=_entry.help, rich_help_panel=_entry.panel)(_placeholder)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("morpholoop"))
        raise typer.Exit


@app.callback()
def _main(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True)) -> None:
    pass


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 ended without its goal, 2 unusable input, 130 interrupted."""
    # Two torch threads that share their cores with anything else run many times slower than one.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        app(arguments)
    except (KeyboardInterrupt, SystemExit) as end:
        # typer has made a status of most interruptions already.
        if isinstance(end, SystemExit) and end.code != INTERRUPTED:
            raise
        _end_interrupted()
    except Exception as error:  # what no person can mend is raised again
        if _was_interrupted(error):
            _end_interrupted()
        if not isinstance(error, _errors_for_people()):
            raise
        _say(_told(error))
        sys.exit(2)
    sys.exit(0)


def _end_interrupted() -> NoReturn:
    _say(
        "Stopped, and nothing is half-written; given the same command again, a campaign or a training goes "
        "on from there, and anything else begins anew."
    )
    sys.exit(INTERRUPTED)


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether an interrupt led to ``error``: Prefect, interrupted while it sets a task up, fails instead."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _errors_for_people() -> tuple[type[Exception], ...]:
    from devices.errors import LabError

    return UnusableInput, LabError


def _told(error: Exception) -> str:
    """The error's sentence on one line; a list of several faults keeps its lines."""
    text = str(error).strip()
    return text if text.count("\n") > 1 else " ".join(text.split())


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


if __name__ == "__main__":
    run()
