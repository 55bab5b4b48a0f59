"""What a campaign is doing now, told to whoever watches: the command line's display, or Prefect's log."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One piece of news; ``experiment`` counts from 1 (0: all) of at most ``experiments``.

    ``done`` and ``total`` give the progress within the step where it is known (swarm iterations, fields).
    """

    step: str
    text: str = ""
    experiment: int = 0
    experiments: int = 0
    done: int = 0
    total: int = 0


Observer = Callable[[Event], None]
_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def watched(observer: Observer) -> Iterator[None]:
    """Within this context, events go to ``observer``."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def tell(event: Event) -> None:
    """Pass an event on; where nobody watches, steps (not the ticks within them) go to the log of the run."""
    observer = _observer.get()
    if observer is not None:
        observer(event)
    elif not event.done:
        of = f"experiment {event.experiment}/{event.experiments}: " if event.experiment else ""
        logging.getLogger("prefect.flow_runs.campaign").info("%s%s %s", of, event.step, event.text)
