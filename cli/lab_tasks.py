"""`morpholoop lab tasks` and `lab confirm`: what waits for a person, and that it was done."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from cli.output import emit
from cli.recording import take_note
from models.errors import UnusableInput

if TYPE_CHECKING:
    from devices.manual.board import Board
    from devices.manual.task import Task

State = typer.Option(None, help="State directory of the lab (default: the real lab's).")


def tasks(
    every: bool = typer.Option(False, "--all", help="Also those that are done, rejected or withdrawn."),
    state: Path | None = State,
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """What waits for a person: what to do, at which values, and what to type afterwards.

    Example: morpholoop lab tasks
    """
    found = [task for task in _board(state).tasks() if every or task.state == "waiting"]
    emit({"tasks": found}, as_json, lambda: "\n\n".join(map(_told, found)) or "Nothing waits for a person.")


def confirm(
    key: str = typer.Argument(..., help="Dispatch key, or the task's own id, as `lab tasks` shows it."),
    settings: list[str] = typer.Option(
        [], "--set", help="What was really reached or read: name=value; also started, finished, remarks."
    ),
    reject: str = typer.Option("", help="Say instead that it was not done, and why; the sample is lost."),
    author: str = typer.Option("", help="Who did it (default: the user at the keyboard)."),
    state: Path | None = State,
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Say that a task is done, with what was reached. Values outside limits are kept, and flagged.

    Example: morpholoop lab confirm KEY --set temperature_C=51.5 --set remarks="pump refilled at 14:10"
    """
    from devices.stopping import person

    typed = _typed(settings)
    board, who = _board(state), author or person()
    waiting = board.waiting(key)
    if reject:
        if typed:
            raise UnusableInput("--reject says that nothing was done; leave out --set.")
        task = board.reject(waiting.id, reject, author=who)
    else:
        task = board.confirm(waiting.id, typed, author=who)
    take_note(f"task {'declined' if reject else 'confirmed'}", task.id, author=who, reason=reject)
    flags = task.answer.flags if task.answer else ()

    def human() -> str:
        lines = [f"{task.id} is {task.state}, by {task.closed_by}."]
        return escape("\n".join([*lines, *(f"Flagged: {flag}." for flag in flags)]))

    emit({"task": task, "flags": flags}, as_json, human)


def _board(state: Path | None) -> "Board":
    from devices.manual.board import Board
    from models.home import state_directory

    return Board((state if state is not None else state_directory(create=False)) / "manual")


def _typed(settings: list[str]) -> dict[str, str]:
    typed: dict[str, str] = {}
    for setting in settings:
        name, separator, text = (part.strip() for part in setting.partition("="))
        if not separator or not name or not text:
            raise UnusableInput(
                f"--set expects name=value, e.g. temperature_C=51.5, but {setting!r} was given."
            )
        if name in typed:
            raise UnusableInput(f"--set {name} was given twice; give each value once.")
        typed[name] = text
    return typed


def _told(task: "Task") -> str:
    closed = "" if task.state == "waiting" else f" — {task.state} by {task.closed_by}, {task.closed_at}"
    lines = [f"{task.id}: {task.title} (since {task.asked_at}){closed}"]
    lines += [f"  {number}. {line}" for number, line in enumerate(task.instructions, start=1)]
    lines += [f"  {'type ' if ask.asked is None else ''}{ask.told()}" for ask in task.asks]
    if task.answer is not None:
        lines += [f"  reached {name} = {value}" for name, value in task.answer.values.items()]
        lines += [f"  flagged: {flag}" for flag in task.answer.flags]
    if task.reason:
        lines.append(f"  {task.reason}")
    return escape("\n".join(lines))
