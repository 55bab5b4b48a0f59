"""kill -9 anywhere in an iteration, then the same command again: nothing twice, nothing lost."""

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from campaigns.ledger import CampaignStatus, Ledger, ledger_path

WORKER = Path(__file__).with_name("killed_worker.py")
STATES = ("proposed", "approved", "dispatching", "synthesised", "imaged", "quantified", "accepted", "learned")
# In the order in which they come up, so that each kill happens further on in the same experiment.
POINTS = [
    "before:proposed",
    "before:approved",
    "before:dispatching",
    "after:dispatching",
    "during:synthesise",
    "before:synthesised",
    "during:image",
    "before:imaged",
    "during:quantify",
    "before:quantified",
    "before:accepted",
    "before:learned",
    "after:learned",
]


def work(campaign: Path, points: list[str], environment: dict[str, str]) -> dict[str, int]:
    """Exit status by point, of one worker after the other on one experiment."""
    done = subprocess.run(
        [sys.executable, str(WORKER), str(campaign), "1", *points],
        env=environment,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ends = dict(line.split() for line in done.stdout.splitlines())
    assert list(ends) == points, done.stderr[-2000:]
    return {point: int(status) for point, status in ends.items()}


def status_in(home: Path) -> CampaignStatus:
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        (record,) = ledger.campaigns()
        return ledger.status(record.id)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_at_every_stage_it_goes_on_and_ends_as_if_nothing_had_happened(
    small_campaign, environment, home, tmp_path
):
    ends = work(small_campaign, [*POINTS, "never"], environment)
    assert ends == {**dict.fromkeys(POINTS, -9), "never": 0}
    elsewhere = {**environment, "MORPHOLOOP_HOME": str(tmp_path / "undisturbed")}
    assert work(small_campaign, ["never"], elsewhere) == {"never": 0}
    killed, undisturbed = status_in(home), status_in(tmp_path / "undisturbed")
    assert len(killed.iterations) == 1
    assert killed.iterations[0].reactor_starts == 1
    assert killed.iterations == undisturbed.iterations
    assert (killed.status, killed.reason) == (undisturbed.status, undisturbed.reason)

    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        (experiment,) = ledger.experiments(killed.campaign)
        micrographs = ledger.micrographs(experiment.id, kind="measured")
        history = [row.to_state for row in ledger.history(killed.campaign, experiment.id)]
    assert [one.field for one in micrographs] == list(range(experiment.fields))
    assert all(one.path.exists() for one in micrographs)
    assert [state for state in history if state not in ("imaged", "quantified")] == [
        state for state in STATES if state not in ("imaged", "quantified")
    ]


def reactor_starts(home: Path) -> list[str]:
    """The keys of all reactor starts, as the simulated controller wrote them down."""
    keys = []
    for journal in home.glob("simulated/labs/*/simulated-lab/*.jsonl"):
        for line in journal.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if "start" in str(entry.get("event", entry.get("kind", ""))):
                keys.append(entry["key"])
    return keys


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_workers_at_once_do_nothing_twice(small_campaign, environment, home):
    command = [
        sys.executable,
        "-m",
        "cli.main",
        "dry-run",
        str(small_campaign),
        "--iterations",
        "2",
        "--json",
    ]
    workers = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ends = [(*worker.communicate(timeout=250), worker.returncode) for worker in workers]
    refused = [end for end in ends if end[2] == 2]
    finished = [end for end in ends if end[2] in (0, 1)]
    assert len(finished) >= 1
    for out, err, _ in refused:
        assert out == ""
        assert "is driven by" in err, err
    for out, _, _ in finished:
        iterations = json.loads(out)["iterations"]
        assert [one["reactor_starts"] for one in iterations] == [1] * len(iterations)
    keys = reactor_starts(home)
    assert len(keys) == len(set(keys)) == len(json.loads(finished[0][0])["iterations"])


def stopped_at(
    command: list[str], environment: dict[str, str], home: Path, state: str, by: signal.Signals
) -> Any:
    """The command, sent a signal when an experiment has come to ``state``; its output and exit status."""
    path = ledger_path(home, simulated=True)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as worker:
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and worker.poll() is None:
            with (
                contextlib.suppress(sqlite3.Error),
                sqlite3.connect(f"file:{path}?mode=ro", uri=True) as ledger,
            ):
                if ledger.execute("SELECT 1 FROM history WHERE to_state = ?", (state,)).fetchone():
                    break
        worker.send_signal(by)
        out, err = worker.communicate(timeout=120)
    return out, err, worker.returncode


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_command_is_interrupted_then_killed_and_goes_on_each_time(small_campaign, environment, home):
    command = [
        sys.executable,
        "-m",
        "cli.main",
        "dry-run",
        str(small_campaign),
        "--iterations",
        "1",
        "--json",
    ]
    out, err, status = stopped_at(command, environment, home, "synthesised", signal.SIGINT)
    assert (out, status) == ("", 130), err
    assert err.strip().splitlines()[-1].startswith("Stopped, and nothing is half-written")
    assert "Traceback" not in err
    out, _, status = stopped_at(command, environment, home, "imaged", signal.SIGKILL)
    assert (out, status) == ("", -9)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode in (0, 1), done.stderr
    (iteration,) = json.loads(done.stdout)["iterations"]
    assert (iteration["state"], iteration["reactor_starts"]) == ("learned", 1)
    assert len(reactor_starts(home)) == 1
