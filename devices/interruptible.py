"""Waiting for another thread in a way that Ctrl-C always ends."""

import queue
from typing import TypeVar

AGAIN_S = 0.5

T = TypeVar("T")


def waited(messages: "queue.SimpleQueue[T]") -> T:
    """Return the next of ``messages``, or let an interrupt out within half a second.

    A signal that arrives in the moment before the thread falls asleep, or that the system hands to another
    thread, does not wake it: a wait without end would keep Ctrl-C from a lab that runs.
    """
    while True:
        try:
            return messages.get(timeout=AGAIN_S)
        except queue.Empty:
            continue
