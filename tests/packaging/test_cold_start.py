"""What `morpholoop --help` imports: nothing that takes time."""

import json
import subprocess
import sys

import pytest

QUICK = {
    "annotated_doc",
    "attr",
    "markdown_it",
    "mdurl",
    "pygments",
    "rich",
    "shellingham",
    "typer",
    "typing_extensions",
}
"""Packages that the table of commands may bring in."""
OURS = {"cli", "models"}

CODE = """
import json, sys
before = set(sys.modules)
from cli.main import run
try:
    run({arguments})
except SystemExit as end:
    assert end.code in (0, 2), end.code
found = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print("IMPORTED", json.dumps(sorted(found)))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []], ids=["help", "version", "nothing"])
def test_help_brings_in_nothing_heavy(arguments):
    code = CODE.format(arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = json.loads(done.stdout.rpartition("IMPORTED")[2])
    heavy = {name for name in imported if name not in sys.stdlib_module_names and not name.startswith("_")}
    assert heavy - QUICK - OURS == set()
