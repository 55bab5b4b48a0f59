"""What the ledger costs, and whether a full store is slower than an empty one.

``python -m benchmarks.ledger [CAMPAIGNS]`` prints a table (100 campaigns of 100 experiments: some minutes).
For SQLite, and PostgreSQL where it is installed: the records of one experiment from proposal to learned, on
an empty store and on the full one; a campaign's status; the list of campaigns; checking the whole chain of
histories. Asked: 1 s for a status, and no more than 20 % between the full store and the empty one.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.compared.asked import Asked
from campaigns.ledger import Ledger, Measurement, Prediction, State
from models.values import Estimate, Interval, Target

EXPERIMENTS = 100
REPEATS = 30
CONDITIONS = {"pH": 10.2, "naoh_factor": 0.14, "nh4oh_factor": 0.16, "time_min": 240.0}
UNITS = {"pH": "", "naoh_factor": "", "nh4oh_factor": "", "time_min": "min"}
TARGETS = (Target("d50_um", "value", 8.0, 8.0, 1.0, 0.4, 0.4),)
PATH = (State.SYNTHESISED, State.IMAGED, State.QUANTIFIED, State.ACCEPTED, State.LEARNED)


def start(ledger: Ledger, seed: int) -> str:
    """A new campaign's id."""
    return ledger.start_campaign(
        name="benchmark",
        seed=seed,
        specification="{}",
        digest="0" * 64,
        lab="lab.yaml",
        targets=TARGETS,
        units={**UNITS, "d50_um": "µm"},
        author="benchmark",
    ).id


def iterate(ledger: Ledger, campaign_id: str, index: int) -> None:
    """All records of one experiment, as the loop writes them."""
    with ledger.together():
        experiment = ledger.propose(
            campaign_id,
            index=index,
            conditions=CONDITIONS,
            units=UNITS,
            model_version="m",
            author="benchmark",
        )
        predicted = [Prediction("d50_um", "µm", Estimate(8.0, 0.2), "m")]
        ledger.record_predictions(experiment.id, predicted)
    limits: dict[str, object] = {"pH": [7.0, 12.5]}
    ledger.approve(experiment.id, author="benchmark", role="policy", limits=limits, expires_h=24)
    ledger.mint_dispatch_key(experiment.id, limits=limits, author="benchmark")
    before = State.DISPATCHING
    for state in PATH:
        if state is State.QUANTIFIED:
            interval = Interval(8.0, 7.9, 8.1, 0.95, 6, 6)
            ledger.record_measurements(experiment.id, [Measurement("d50_um", "µm", interval, 1)])
        ledger.transition(experiment.id, before, state, author="benchmark", reason="benchmark")
        before = state


def fill(ledger: Ledger, campaigns: int) -> None:
    """Copies of one campaign, taken in as another installation's would be."""
    first = start(ledger, 0)
    for index in range(1, EXPERIMENTS + 1):
        iterate(ledger, first, index)
    ledger.set_status(first, "running", "converged", author="benchmark", reason="done")
    rows = ledger.rows(first)
    for number in range(1, campaigns):
        ledger.take_in(_renamed(rows, first, number), place=lambda path: path, author="benchmark")
        if number % 10 == 0:
            print(f"  {(number + 1) * EXPERIMENTS} experiments", file=sys.stderr)


def _renamed(rows: Any, first: str, number: int) -> Any:
    def renamed(value: Any) -> Any:
        return value.replace(first, f"{first}-{number}") if isinstance(value, str) else value

    made = {name: [{key: renamed(v) for key, v in row.items()} for row in rows[name]] for name in rows}
    made["campaign"][0]["seed"] = number
    return made


def milliseconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """The median of some calls."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(1e3 * (time.perf_counter() - began))
    return statistics.median(taken)


def measure(location: Path | str, campaigns: int, name: str, asked: Asked) -> None:
    """Print the rows of one database."""
    with Ledger.open(location, simulated=True) as ledger:
        numbers = iter(range(1, 10_000))
        empty_id = start(ledger, 1_000_000)
        empty = milliseconds(lambda: iterate(ledger, empty_id, next(numbers)))
        fill(ledger, campaigns)
        full_id = start(ledger, 1_000_001)
        numbers = iter(range(1, 10_000))
        full = milliseconds(lambda: iterate(ledger, full_id, next(numbers)))
        (one,) = (record for record in ledger.campaigns() if record.seed == campaigns // 2)
        status = milliseconds(lambda: ledger.status(one.id), 5)
        listed = milliseconds(lambda: ledger.campaigns(), 5)
        chain = milliseconds(lambda: ledger.verify_chain(), 1)
    print(
        f"{name:11} {empty:9.1f} {full:9.1f} {full / empty:9.2f} {status:10.1f} {status / 1000:9.3f} "
        f"{listed:9.1f} {chain / 1000:9.1f}",
        flush=True,
    )
    asked.most(f"{name}: status of a campaign", status / 1000, 1.0, "s")
    asked.most(f"{name}: an experiment's records, full over empty", full / empty, 1.2)


def main() -> None:
    """Print the table."""
    from tests.postgresql import programs
    from tests.postgresql import server as postgresql

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("campaigns", type=int, nargs="?", default=100, help="of 100 experiments each")
    campaigns = parser.parse_args().campaigns
    print(f"{campaigns * EXPERIMENTS} experiments in {campaigns} campaigns; medians")
    print(
        f"{'':11} {'empty ms':>9} {'full ms':>9} {'full/empty':>9} {'status ms':>10} {'of limit':>9} "
        f"{'list ms':>9} {'chain s':>9}"
    )
    asked = Asked("ledger")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ledger-")))
        measure(folder / "lab.db", campaigns, "SQLite", asked)
        if programs() is not None:
            server = stack.enter_context(postgresql())
            measure(server.url(server.database()), campaigns, "PostgreSQL", asked)
    asked.end()


if __name__ == "__main__":
    main()
