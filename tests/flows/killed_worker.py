"""Workers that kill themselves (SIGKILL), each at one point of an experiment; a script of test_crashes.

Usage: killed_worker.py CAMPAIGN.yaml ITERATIONS POINT…

A POINT is ``before:STATE`` (inside the transaction that would reach the state), ``after:STATE`` (just after
that was committed), ``during:synthesise``, ``during:image``, ``during:quantify``, or ``never``. Each worker
is a process of its own, forked after the imports (they take seconds); its exit status is printed.
"""

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from campaigns.ledger import Ledger
from flows.campaign import campaign
from flows.steps import image
from flows.worker import Worker


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    when, _, where = point.partition(":")
    if when == "before":
        move = Ledger._move

        def before(self: Any, session: Any, row: Any, *rest: Any) -> None:
            move(self, session, row, *rest)
            if row.state == where:
                die()

        Ledger._move = before  # type: ignore[method-assign]
    elif when == "after":
        add_time = Ledger.add_time

        def after(self: Any, campaign_id: str, **spent: Any) -> None:
            add_time(self, campaign_id, **spent)
            if self.experiments(campaign_id)[-1].state == where:
                die()

        Ledger.add_time = after  # type: ignore[method-assign]
    elif point == "during:image":
        put = image.put
        calls: list[Any] = []

        def second(*arguments: Any) -> Any:
            calls.append(arguments)
            return put(*arguments) if len(calls) < 2 else die()

        image.put = second  # type: ignore[attr-defined]
    elif when == "during":
        tell = Worker.tell
        word = {"synthesise": "reacting", "quantify": "×"}[where]

        def during(self: Any, step: str, text: str = "", *rest: Any) -> None:
            tell(self, step, text, *rest)
            if step == where and word in text:
                die()

        Worker.tell = during  # type: ignore[method-assign]


def worker(file: Path, iterations: int, point: str) -> int:
    """The exit status of a worker: 0, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            arm(point)
            campaign(file, iterations=iterations)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for point in sys.argv[3:]:
        print(point, worker(Path(sys.argv[1]), int(sys.argv[2]), point), flush=True)
