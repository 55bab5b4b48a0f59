"""Starting campaigns, and having them go on: each in a process of its own, which outlives the dashboard."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from campaigns.ledger import CampaignRecord, CampaignState, Ledger, State, ledger_path
from campaigns.specification import load
from campaigns.specification.lab import is_simulated
from models.errors import UnusableInput

_log = logging.getLogger(__name__)

LIBRARY = Path(__file__).parents[1] / "campaigns" / "library"
DEMONSTRATION = "membrane"
RETRY_S, PATIENCE_S = 2.0, 90.0
"""A worker that has just let a campaign wait holds it for a moment longer, while it writes the report."""


@dataclass(frozen=True)
class Started:
    """A process that drives a campaign; what it does is in the ledger, what it says in ``log``."""

    campaign_file: str
    name: str
    seed: int
    simulated: bool
    pid: int
    log: Path


class Starter:
    """Starts workers as a person at the command line would."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.lab_files: set[Path] = set()
        """Lab files of the campaigns that were started here."""

    def files(self) -> dict[str, Path]:
        """The campaign files that may be started, by name: the shipped ones, and those in ``campaigns/``.

        Somebody with access to the machine puts files there; what comes over the network is only a name.
        """
        own = self._home / "campaigns"
        return {path.stem: path for folder in (LIBRARY, own) for path in sorted(folder.glob("*.yaml"))}

    def start(self, name: str, *, seed: int | None = None, iterations: int | None = None) -> Started:
        """Start a campaign from the file of that name. Errors: :class:`UnusableInput`, with every fault."""
        files = self.files()
        if name not in files:
            raise UnusableInput(
                f"There is no campaign file {name!r}; there are: {', '.join(sorted(files)) or 'none'}."
            )
        specification = load(files[name])
        simulated = bool(is_simulated(specification.lab))
        self.lab_files.add(specification.lab)
        arguments = [] if seed is None else ["--seed", str(seed)]
        arguments += [] if iterations is None else ["--iterations", str(iterations)]
        log = self._log(specification.name, simulated=simulated)
        process = self._process(files[name], arguments, log, simulated=simulated)
        threading.Thread(target=process.wait, daemon=True).start()
        used = specification.seed if seed is None else seed
        return Started(name, specification.name, used, simulated, process.pid, log)

    def go_on(self, record: CampaignRecord, wanted: Callable[[], bool]) -> bool:
        """Have a worker take a campaign up, if that is ``wanted``; whether one was sent.

        One that Prefect runs is left to its supervisor.
        """
        if not wanted() or _prefect_runs(record.id):
            return False
        root = ledger_path(self._home, simulated=record.simulated).parent
        file = root / "resumed" / f"{record.id}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        # As the campaign began, whatever its own file says by now; JSON is YAML.
        file.write_text(record.specification, encoding="utf-8")
        log = self._log(record.name, simulated=record.simulated)

        def drive() -> None:
            deadline = time.monotonic() + PATIENCE_S
            while wanted():
                said = log.stat().st_size if log.exists() else 0
                self._process(file, [], log, simulated=record.simulated).wait()
                with log.open("rb") as output:
                    output.seek(said)
                    held = b"is driven by" in output.read()
                if not held or time.monotonic() > deadline:
                    return
                time.sleep(RETRY_S)

        threading.Thread(target=drive, name=f"drive {record.id}", daemon=True).start()
        return True

    def _log(self, name: str, *, simulated: bool) -> Path:
        folder = ledger_path(self._home, simulated=simulated).parent / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.log"

    def _process(
        self, file: Path, arguments: list[str], log: Path, *, simulated: bool
    ) -> "subprocess.Popen[bytes]":
        command = ["dry-run"] if simulated else ["campaign", "start"]
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "cli.main", *command, str(file), *arguments, "--json"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "MORPHOLOOP_HOME": str(self._home)},
                # Neither Ctrl-C at the dashboard nor its end is the campaign's.
                start_new_session=True,
            )


def _prefect_runs(campaign_id: str) -> bool:
    """Whether a Prefect server that is configured has runs of this campaign; a silent one may well have."""
    server = os.environ.get("PREFECT_API_URL")
    if not server:
        return False
    runs = {"flow_runs": {"tags": {"all_": [f"campaign:{campaign_id}"]}}}
    try:
        answer = httpx.post(f"{server.rstrip('/')}/flow_runs/count", json=runs, timeout=5.0)
        return bool(answer.raise_for_status().json())
    except (httpx.HTTPError, ValueError) as error:
        _log.warning("Prefect at %s cannot be asked (%s): %s is left to it.", server, error, campaign_id)
        return True


def could_go_on(ledger: Ledger, record: CampaignRecord) -> bool:
    """Whether a campaign runs, or waits only for a worker: what it waited for was decided.

    One that a person paused waits for that person.
    """
    if record.status is not CampaignState.WAITING:
        return record.status is CampaignState.RUNNING
    undecided = [
        one
        for one in ledger.experiments(record.id)
        if one.state is State.PROPOSED and not (one.edited_from and not one.model_version)
    ]
    return not undecided and not record.reason.startswith("paused")
