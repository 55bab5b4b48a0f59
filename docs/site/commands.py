"""Every command of `morpholoop` as it is declared: for the reference, and for the tests of examples."""

import enum
import pathlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cli.main import ENTRIES, load

HEADING = """# Command line

Made from the commands themselves; `morpholoop COMMAND --help` says the same.

Exit status: 0 done; 1 the work ended without its goal; 2 what was given cannot be used, and one sentence says
why; 130 stopped by Ctrl-C. With `--json` there is one JSON object on standard output, and nothing else there.
"""
KINDS = {int: "whole number", float: "number", pathlib.Path: "path", bool: "", str: "text"}


@dataclass(frozen=True)
class Command:
    """A command by its words after `morpholoop`, and click's own description of it."""

    words: tuple[str, ...]
    declared: Any

    @property
    def summary(self) -> str:
        """What the help says, without its example."""
        return self._parts[0].strip()

    @property
    def example(self) -> str:
        """The example of the help, on one line."""
        return " ".join(self._parts[1].split())

    @property
    def _parts(self) -> tuple[str, str]:
        text, _, example = (self.declared.help or "").partition("Example:")
        return text, example

    @property
    def parameters(self) -> list[Any]:
        """Arguments and options in their order."""
        return [one for one in self.declared.params if "--help" not in one.opts]

    @property
    def options(self) -> set[str]:
        """Every spelling of every option."""
        named = {name for one in self.parameters for name in (*one.opts, *one.secondary_opts)}
        return {name for name in named if name.startswith("-")} | {"--help", "-h"}


def commands() -> Iterator[Command]:
    """Every command that does something, in the order of the help."""
    for entry in ENTRIES:
        yield from _below((entry.name,), load(entry))


def _below(words: tuple[str, ...], declared: Any) -> Iterator[Command]:
    inner = getattr(declared, "commands", None)
    if not inner:
        yield Command(words, declared)
        return
    for name, command in inner.items():
        yield from _below((*words, name), command)


def called(line: str) -> list[list[str]]:
    """The arguments of each `morpholoop …` in a line of shell, up to whatever ends the command."""
    # Angle brackets of shell and dots of prose end a command, comments are none of it.
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    found: list[list[str]] = []
    begins, taken = True, None
    for word in lexer:
        if re.fullmatch(r"[();<>|&]+", word):
            begins, taken = word not in ("<", ">", ">>"), None
        elif taken is not None:
            taken.append(word)
        elif begins and word == "morpholoop":
            taken = []
            found.append(taken)
        elif not re.fullmatch(r"\w+=.*", word):
            begins = False
    return found


def reference() -> str:
    """The page of all commands in Markdown."""
    lines = [HEADING]
    for command in commands():
        lines += [f"## morpholoop {' '.join(command.words)}", "", command.summary, ""]
        lines += ["```sh", command.example, "```", ""]
        lines += ["| | | |", "|---|---|---|", *map(_row, command.parameters), ""]
    return "\n".join(lines)


def _row(parameter: Any) -> str:
    argument = not parameter.opts[0].startswith("-")
    spelled = (
        [parameter.metavar or parameter.name.upper()]
        if argument
        else parameter.opts + parameter.secondary_opts
    )
    kind = getattr(parameter.type_descriptor, "annotation", str)
    kind = next(iter(getattr(kind, "__args__", ())), kind)
    told = KINDS.get(kind, "one of " + ", ".join(kind) if isinstance(kind, enum.EnumMeta) else "")
    default = parameter.default
    shown = "" if default in (None, False, "", [], ()) or callable(default) else f" (default: {default})"
    needed = " (needed)" if parameter.required else ""
    text = f"{parameter.help or ''}{shown if 'default' not in (parameter.help or '') else ''}{needed}"
    return f"| {', '.join(f'`{one}`' for one in spelled)} | {told} | {text.strip()} |".replace("\n", " ")
