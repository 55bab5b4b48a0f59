"""As many experiments of a campaign in flight as it may have: a thread for each, and one course of events."""

import contextvars
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from devices.interruptible import AGAIN_S, waited
from flows.worker import Worker

END_S = 60.0
"""How long threads that were interrupted may take to end."""


def side_by_side(worker: Worker, work: Callable[[], None]) -> None:
    """Have ``work`` done as many times at once as experiments may be in flight, in turns.

    Whatever fails in one of them, the others bring what they have in hand to its end; then the first error
    is raised. An interrupt (Ctrl-C) stops what runs in the lab at once.
    """
    worker.laboratory.step_aside(worker.turns.aside)
    if worker.in_flight == 1:
        with worker.turns.turn():
            work()
        return
    ends: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def take_part() -> None:
        try:
            with worker.turns.turn():
                try:
                    work()
                except BaseException:  # an interrupt, too: the others must not wait for this one; it goes on
                    worker.broken = True
                    raise
                finally:
                    worker.turns.changed()
        except BaseException as error:  # handed to the thread that began, which raises it
            ends.put(error)
        else:
            ends.put(None)

    with worker.turns.turn():
        for number in range(1, worker.in_flight + 1):
            # Each in a context like ours, so that what it says goes to the same log.
            context = contextvars.copy_context()
            threading.Thread(
                target=context.run, args=(take_part,), name=f"experiments {number}", daemon=True
            ).start()
        # Before any of them waits for the lab, all are there: time must not pass without one.
        worker.turns.gathered(worker.in_flight + 1)
    errors: list[BaseException | None] = []
    try:
        while len(errors) < worker.in_flight:
            errors.append(waited(ends))
    except BaseException as interruption:  # the others end before it goes on, whatever it is
        worker.interrupted = True
        person = isinstance(interruption, KeyboardInterrupt)
        reason = "interrupted by a person (Ctrl-C)" if person else f"the program failed: {interruption!r}"
        deadline = time.monotonic() + END_S
        while len(errors) < worker.in_flight and time.monotonic() < deadline:
            worker.laboratory.interrupt(reason)
            worker.turns.changed()
            with suppress(queue.Empty):
                # Again, for what was started in the moment of the interrupt.
                errors.append(ends.get(timeout=AGAIN_S))
        raise
    first = next((error for error in errors if error is not None), None)
    if first is not None:
        raise first
