"""kill -9 at random moments of campaigns: is anything started twice, lost, or different from undisturbed?

``python -m benchmarks.crash [KILLS] [--two-reactors]`` prints a table (100 kills: about ten minutes on two
cores). A worker is killed after a random time, another one goes on, until the campaign ends; then the next
campaign, until there were KILLS in all: simulated lab in process and over a controller of its own (Channel
Access), ledger in SQLite and in PostgreSQL (where it is installed). The peer is the same campaign
undisturbed, in the same run.

With ``--two-reactors`` two experiments are in flight, in process. What was on its way when the worker was
killed begins again on the simulated clock, so results may differ from the undisturbed run's; they are counted
and no fault, as long as every experiment comes to its end with one start.
"""

import argparse
import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from benchmarks.compared.asked import Asked
from campaigns.ledger import CampaignStatus, Ledger, ledger_path
from tests.ports import free_port

LIBRARY = Path(__file__).parents[1] / "campaigns" / "library"
EXPERIMENTS = 2
WORKER_S = 240.0


@dataclasses.dataclass
class Row:
    """What one configuration came to."""

    lab: str
    database: str
    campaigns: int = 0
    kills: int = 0
    starts: int = 0
    double_starts: int = 0
    damaged_files: int = 0
    broken_chains: int = 0
    other_results: int = 0
    other_hours: int = 0
    unfinished: int = 0


class Workers:
    """Forks workers after the imports, which take seconds, and kills them when their time has come."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.crash", "--worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **environment},
        )

    def run(self, file: Path, home: Path, database: str, kill_after_s: float) -> tuple[int, float]:
        """Exit status of one worker (−9: killed), and the seconds that it worked."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        task = {"file": str(file), "home": str(home), "database": database, "kill_after_s": kill_after_s}
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["status"], answer["seconds"]

    def close(self) -> None:
        """No more work."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def serve_workers() -> None:
    """The other side of :class:`Workers`, on standard input and output."""
    import flows.campaign

    for line in sys.stdin:
        task = json.loads(line)
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            os.environ["MORPHOLOOP_HOME"] = task["home"]
            os.environ.pop("MORPHOLOOP_DATABASE_URL", None)
            if task["database"]:
                os.environ["MORPHOLOOP_DATABASE_URL"] = task["database"]
            os.dup2(2, 1)
            try:
                flows.campaign.campaign(Path(task["file"]), iterations=EXPERIMENTS)
            except BaseException:  # whatever it is, the child must not go on as the parent
                os._exit(1)
            os._exit(0)
        deadline = began + (task["kill_after_s"] or WORKER_S)
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() >= deadline:
                os.kill(child, signal.SIGKILL)
            time.sleep(0.005)
        answer = {"status": os.waitstatus_to_exitcode(ended[1]), "seconds": time.monotonic() - began}
        print(json.dumps(answer), flush=True)


def campaign_file(folder: Path, lab: Path, seed: int) -> Path:
    """A small campaign without a generator: two experiments of two fields at least."""
    content = yaml.safe_load((LIBRARY / "membrane.yaml").read_text(encoding="utf-8"))
    content |= {"lab": str(lab), "seed": seed, "budget": {"experiments": EXPERIMENTS}}
    content["imaging"]["views"][0]["fields"] = {"min": 2, "max": 3}
    content["optimiser"] = {"particles": 10, "iterations": 8}
    file = folder / f"campaign-{seed}.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


TWO_REACTORS = "two reactors"


@contextmanager
def laboratory(kind: str, folder: Path, seed: int) -> Iterator[tuple[Path, Path]]:
    """(lab file, folder of the plant's journal) of a lab that nothing was done in yet."""
    if kind == TWO_REACTORS:
        content = yaml.safe_load((LIBRARY / "labs" / "simulated-membrane.yaml").read_text(encoding="utf-8"))
        reactor = content.pop("reactor")
        content |= {"name": "two", "reactors": {"north": reactor, "south": reactor}}
        file = folder / "lab.yaml"
        file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        yield file, folder
        return
    if kind == "in process":
        yield LIBRARY / "labs" / "simulated-membrane.yaml", folder
        return
    from tests.devices.epics.conftest import Served

    port = free_port()
    served = Served(folder, port, "membrane", ("--campaign-seed", str(seed)))
    try:
        yield served.lab_file(), served.state
    finally:
        served.kill()


def starts_in(folder: Path) -> list[str]:
    """The keys of all reactor starts, as the simulated controllers below ``folder`` wrote them down."""
    entries = [
        json.loads(line)
        for journal in folder.rglob("journal.jsonl")
        for line in journal.read_text(encoding="utf-8").splitlines()
    ]
    return [entry["key"] for entry in entries if entry.get("event") == "start"]


def essence(status: CampaignStatus) -> tuple[object, ...]:
    """What must not depend on kills."""
    return status.status, status.reason, status.iterations


def read(home: Path, database: str) -> tuple[CampaignStatus, int, bool]:
    """The campaign's status, its files that are damaged or missing, and whether its history is whole."""
    from flows.store import verify
    from models.errors import UnusableInput

    damaged = 0
    with Ledger.open(database or ledger_path(home, simulated=True), simulated=True) as ledger:
        (record,) = ledger.campaigns()
        for experiment in ledger.experiments(record.id):
            for one in ledger.micrographs(experiment.id):
                try:
                    verify(one.path, one.sha256)
                except UnusableInput:
                    damaged += 1
        return ledger.status(record.id), damaged, ledger.verify_chain().holds


def crash(row: Row, kills: int, workers: Workers, server: Any, chance: random.Random, folder: Path) -> None:
    """Campaign after campaign, killed at random moments, until there were ``kills``."""
    seed = 0
    while row.kills < kills:
        found, hours = [], []
        wanted = 0.0
        for disturbed in (False, True):
            here = folder / f"{row.lab}-{row.database}-{seed}-{disturbed}".replace(" ", "-")
            here.mkdir()
            database = server.url(server.database()) if row.database == "PostgreSQL" else ""
            with laboratory(row.lab, here, seed) as (lab, journals):
                file, home = campaign_file(here, lab, seed), here / "home"
                status = -9
                while status == -9:
                    after = chance.uniform(0.02, wanted) if disturbed else 0.0
                    status, seconds = workers.run(file, home, database, after)
                    row.kills += status == -9
                    wanted = wanted if disturbed else seconds
                assert status == 0, f"a worker failed with status {status}: see {home}"
                keys = starts_in(journals)
            campaign, damaged, whole = read(home, database)
            found.append(essence(campaign))
            hours.append(round(campaign.virtual_hours, 6))
            if disturbed:
                row.starts += len(keys)
                row.double_starts += len(keys) - len(campaign.iterations)
                row.damaged_files += damaged
                row.broken_chains += not whole
        row.campaigns += 1
        row.other_results += found[0] != found[1]
        row.other_hours += hours[0] != hours[1]
        for undisturbed, killed in zip(*found, strict=True):
            if undisturbed != killed:
                print(f"  another result: {undisturbed} undisturbed, {killed} killed", file=sys.stderr)
        row.unfinished += sum(one.state != "learned" for one in campaign.iterations)
        seed += 1
        print(f"  {row.lab}, {row.database}: {row.kills} kills in {row.campaigns} campaigns", file=sys.stderr)


def main() -> None:
    """Print the table; exit status 1 where something happened twice or was lost."""
    from prefect.settings import PREFECT_API_URL

    from flows.server import prefect_server
    from tests.postgresql import programs
    from tests.postgresql import server as postgresql

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kills", type=int, nargs="?", default=100)
    parser.add_argument("--two-reactors", action="store_true", help="two experiments in flight")
    options = parser.parse_args()
    labs = (TWO_REACTORS,) if options.two_reactors else ("in process", "controller")
    databases = ["SQLite"] + (["PostgreSQL"] if programs() is not None else [])
    rows = [Row(lab, database) for lab in labs for database in databases]
    chance = random.Random(1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crash-")))
        server = stack.enter_context(postgresql()) if len(databases) > 1 else None
        stack.enter_context(prefect_server())
        workers = Workers({"PREFECT_API_URL": str(PREFECT_API_URL.value())})
        stack.callback(workers.close)
        for row in rows:
            crash(row, -(-options.kills // len(rows)), workers, server, chance, folder)
    names = [field.name for field in dataclasses.fields(Row)]
    print("  ".join(f"{name.replace('_', ' '):>13}" for name in names))
    for row in rows:
        print("  ".join(f"{getattr(row, name)!s:>13}" for name in names))
    asked = Asked("crash")
    for row in rows:
        where, campaigns = f"{row.lab}, {row.database}", row.campaigns
        experiments = campaigns * EXPERIMENTS
        asked.least(f"{where}: experiments finished", 1 - row.unfinished / experiments, 1.0)
        asked.most(f"{where}: starts of an experiment", 1 + row.double_starts / experiments, 1.0)
        asked.least(f"{where}: every file whole (1: yes)", int(not row.damaged_files), 1.0)
        asked.least(f"{where}: campaigns with a whole history", 1 - row.broken_chains / campaigns, 1.0)
        if row.lab != TWO_REACTORS:
            asked.least(f"{where}: same results as undisturbed", 1 - row.other_results / campaigns, 1.0)
            asked.least(f"{where}: same hours of the lab", 1 - row.other_hours / campaigns, 1.0)
    asked.end()


if __name__ == "__main__":
    if "--worker" in sys.argv:
        serve_workers()
    else:
        main()
