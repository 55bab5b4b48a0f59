"""Ctrl-C reaches a thread that waits, whichever thread the system gave the signal to."""

import queue
import signal
import threading

import pytest

from devices.interruptible import waited


def test_what_was_sent_comes_in_order() -> None:
    messages: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    for message in (1, None, 2):
        messages.put(message)
    assert [waited(messages) for _ in range(3)] == [1, None, 2]


@pytest.mark.timeout(10)
def test_an_interrupt_that_wakes_nobody_is_seen() -> None:
    def interrupt() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    timer = threading.Timer(0.2, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        waited(queue.SimpleQueue())
    timer.join()
