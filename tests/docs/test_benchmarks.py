"""Every benchmark explains itself, and nothing runs before it has read what was asked."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from benchmarks.compared.asked import Asked

pytestmark = pytest.mark.slow  # each imports what it measures

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_says_how_it_is_called(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"benchmarks.{name}").main()
    assert ended.value.code == 0
    assert f"python -m benchmarks.{name}" in re.sub(r"\s+", " ", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("value", "floor", "status", "state"),
    [(0.96, 1.0, 0, "met"), (0.9, 0.93, 0, "short"), (0.9, 1.0, 1, "short of the floor")],
)
def test_a_figure_is_a_ratio_to_what_is_asked(value, floor, status, state, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = Asked("here")
    asked.least("F1", value, 0.95, floor=floor)
    asked.most("memory", 0.0, 600.0, "MiB")
    with pytest.raises(SystemExit) as ended:
        asked.end()
    assert ended.value.code == status
    table = capsys.readouterr().out
    assert f"{value / 0.95:.2f}  {state}\n" in table
    assert "> 100  met" in table
    assert (tmp_path / "build" / "benchmarks" / "here.png").stat().st_size > 5000


def test_what_cannot_be_told_is_no_pass(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = Asked("here")
    asked.most("error", float("nan"), 5.0, "%")
    with pytest.raises(SystemExit, match="1"):
        asked.end()


def test_the_table_of_benchmarks_names_each():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"python -m benchmarks.{name}" not in page] == []
