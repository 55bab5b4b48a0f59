"""Every benchmark explains itself, and nothing runs before it has read what was asked."""

import importlib
import re
import sys
from pathlib import Path

import pytest

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


def test_the_table_of_benchmarks_names_each():
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"python -m benchmarks.{name}" not in page] == []
