"""What the loop itself costs beside devices and models, an experiment.

``python -m benchmarks.overhead [CAMPAIGN] [--experiments 8]`` runs a dry run in this process (of a campaign
file, by default the membrane's) and looks a hundred times a second where it is: in the devices (plans,
instruments, the simulated plant), in the models (prediction, search, quantification, representativity), or
in the loop itself, which is split into the ledger, Prefect, pictures and the rest. Seconds are the clock's:
on a busy machine too long. What is done once (starting Prefect, the last report) is told apart. About
two minutes.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from benchmarks.compared.asked import Asked

ROOT = Path(__file__).resolve().parents[1]
FLOWS = f"{ROOT}/flows/"
EVERY_S = 0.01
LIMIT_S = 1.0
"""Asked: no more than this of the loop's own an experiment."""
PLACES = (
    ("devices", (f"{ROOT}/sim/", f"{ROOT}/devices/", "/bluesky/", "/ophyd/")),
    ("models", (f"{ROOT}/models/", f"{FLOWS}measuring.py", f"{FLOWS}prediction.py")),
    ("loop: pictures", (f"{FLOWS}pictures.py", f"{ROOT}/campaigns/report/", f"{FLOWS}reporting.py")),
    ("loop: ledger", (f"{ROOT}/campaigns/ledger/", "/sqlalchemy/")),
    ("loop: Prefect", ("/prefect/",)),
)
"""The first in whose files the stack is, from the innermost frame out to the innermost of a flow."""


def place(frame: FrameType | None) -> str:
    """Where the main thread is."""
    files: list[str] = []
    while frame is not None and not (name := frame.f_code.co_filename).startswith(FLOWS):
        files.append(name)
        frame = frame.f_back
    if frame is not None:
        files.append(frame.f_code.co_filename)
    while frame is not None:
        if frame.f_code.co_filename == f"{FLOWS}campaign.py" and frame.f_code.co_name == "work":
            return next(
                (kind for kind, marks in PLACES if any(mark in one for mark in marks for one in files)),
                "loop: the rest",
            )
        frame = frame.f_back
    return "once"


@contextmanager
def watched(seconds: Counter[str]) -> Iterator[None]:
    """Count the seconds that the main thread spends in each place."""
    main, ended = threading.main_thread().ident, threading.Event()
    assert main is not None

    def look() -> None:
        last = time.perf_counter()
        while not ended.wait(EVERY_S):
            now = time.perf_counter()
            seconds[place(sys._current_frames().get(main))] += now - last
            last = now

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield
    finally:
        ended.set()
        looking.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("campaign", type=Path, nargs="?", default=ROOT / "campaigns/library/membrane.yaml")
    parser.add_argument("--experiments", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seconds: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as home:
        os.environ["MORPHOLOOP_HOME"] = home
        from flows.campaign import campaign
        from flows.server import prefect_server

        with prefect_server(), watched(seconds):
            status = campaign(options.campaign, options.seed, options.experiments)
    number = len(status.iterations)
    print(f"{status.campaign}: {status.status} after {number} experiments; seconds an experiment")
    for kind, spent in sorted(seconds.items()):
        if kind != "once":
            print(f"{kind:16} {spent / number:6.2f}")
    own = sum(spent for kind, spent in seconds.items() if kind.startswith("loop")) / number
    print(f"once in the run: {seconds['once']:.1f} s")
    asked = Asked("overhead")
    asked.most("the loop's own, an experiment", own, LIMIT_S, "s")
    asked.end()


if __name__ == "__main__":
    main()
