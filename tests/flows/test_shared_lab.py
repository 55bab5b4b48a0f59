"""Two campaigns in one lab behind a controller, each driven by a process of its own."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.devices.epics.conftest import Served
from tests.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

LIBRARY = Path(__file__).parents[2] / "campaigns" / "library"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A casting line and a microscope behind a controller."""
    port = free_port()
    made = Served(tmp_path, port, "membrane", ("--campaign-seed", "0"))
    yield made
    made.kill()


def test_they_take_turns_and_nothing_is_started_twice(served, small_campaign, environment, tmp_path):
    commands = []
    for name in ("alpha", "beta"):
        content = yaml.safe_load(small_campaign.read_text(encoding="utf-8"))
        content |= {"name": name, "lab": str(served.lab_file()), "budget": {"experiments": 2}}
        content["targets"] = [{"descriptor": "phase_fraction", "value": 0.05, "tolerance": "1 %"}]
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        commands.append([sys.executable, "-m", "cli.main", "dry-run", str(file), "--json"])
    workers = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    ends = [(*worker.communicate(timeout=150), worker.returncode) for worker in workers]
    keys = []
    for out, err, status in ends:
        assert status == 1, err  # the budget was spent
        iterations = json.loads(out)["iterations"]
        assert [(one["state"], one["reactor_starts"]) for one in iterations] == [("learned", 1)] * 2
        keys += [one["dispatch_key"] for one in iterations]
    entries = [
        json.loads(line)
        for journal in served.folder.rglob("journal.jsonl")
        for line in journal.read_text(encoding="utf-8").splitlines()[1:]
    ]
    starts = {one["key"]: one["t_s"] for one in entries if one["event"] == "start"}
    ends_s = {one["key"]: one["t_s"] for one in entries if one["event"] == "done"}
    assert sorted(starts) == sorted(keys) == sorted(ends_s)
    assert not [one for one in entries if one["event"] == "stopped"]
    order = sorted(starts, key=lambda key: starts[key])
    assert all(ends_s[one] <= starts[other] for one, other in itertools.pairwise(order))
