"""What a campaign is doing now, told to whoever watches: the command line's display, or Prefect's log."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger


@dataclass(frozen=True)
class Event:
    """One piece of news; ``experiment`` counts from 1 (0: all) of at most ``experiments``.

    ``done`` and ``total`` give the progress within the step where it is known (swarm iterations, fields);
    ``subject`` is the id of the experiment, or of the campaign.
    """

    step: str
    text: str = ""
    experiment: int = 0
    experiments: int = 0
    done: int = 0
    total: int = 0
    subject: str = ""


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
        _log().info("%s · %s: %s", event.subject or "campaign", event.step, event.text)


def warn(text: str) -> None:
    """Say what went wrong around a campaign without stopping it."""
    _log().warning("%s", text)


def _log() -> "logging.Logger | logging.LoggerAdapter[logging.Logger]":
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("flows")
