"""Every command and option that a page, a help text or a target of make names is one that there is."""

from pathlib import Path

import pytest

from cli.main import ENTRIES, load
from docs.site.commands import Command, called, commands
from tests.docs.reading import ROOT, Block, blocks

pytestmark = pytest.mark.slow  # importing every command brings in torch and Prefect


@pytest.fixture(scope="module")
def known() -> dict[tuple[str, ...], Command]:
    return {command.words: command for command in commands()}


def wrong(arguments: list[str], known: dict[tuple[str, ...], Command]) -> str | None:
    """What there is not of a call of morpholoop; None when all is there."""
    if arguments and (arguments[0].isupper() or arguments[0] in ("--help", "--version", "…")):
        return None  # prose such as `morpholoop COMMAND --help`
    command = known.get(tuple(arguments[:2])) or known.get(tuple(arguments[:1]))
    if command is None:
        return f"no command {' '.join(arguments[:2])}"
    options = {word.partition("=")[0] for word in arguments if word.startswith("-") and not _number(word)}
    missing = sorted(options - command.options)
    return f"{' '.join(command.words)} has no {', '.join(missing)}" if missing else None


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("block", list(blocks("sh", "console", "")), ids=str)
def test_what_a_block_calls_is_there(block: Block, known):
    for line in block.commands:
        for arguments in called(line):
            assert wrong(arguments, known) is None, f"{line}: {wrong(arguments, known)}"


def test_every_command_has_an_example_that_is_itself(known):
    for words, command in known.items():
        calls = called(command.example)
        assert calls, f"{' '.join(words)} shows no example"
        assert all(wrong(arguments, known) is None for arguments in calls), command.example
        assert any(tuple(arguments[: len(words)]) == words for arguments in calls), command.example


def test_every_group_of_commands_has_an_example(known):
    for entry in ENTRIES:
        _, _, example = load(entry).help.partition("Example:")
        assert called(" ".join(example.split())), entry.name
        assert wrong(called(" ".join(example.split()))[0], known) is None, entry.name


def test_an_unknown_option_would_be_found(known):
    assert wrong(["quantify", "a.tif", "--overlays", "x"], known) == "quantify has no --overlays"
    assert wrong(["campaign", "begin"], known) == "no command campaign begin"


def test_calls_are_found_in_a_line_of_shell():
    line = "mkdir x && morpholoop lab check a.yaml | tee log; HOME=./b morpholoop doctor > x  # morpholoop no"
    assert called(line) == [["lab", "check", "a.yaml"], ["doctor"]]


def test_targets_of_make_that_pages_name_are_there():
    targets = {
        line.partition(":")[0] for line in Path(ROOT, "Makefile").read_text().splitlines() if ":" in line
    }
    named = {line.split()[1] for block in blocks("sh") for line in block.commands if line.startswith("make ")}
    assert named
    assert named <= targets
