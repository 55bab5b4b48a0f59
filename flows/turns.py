"""Experiments side by side, one at a time: whose turn it is, while the others wait for devices."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from devices.clock import Clock


class Turns:
    """Threads that take turns, in the order in which they became ready.

    Only the thread whose turn it is computes and writes. It leaves its turn to others while a plan of its
    own waits for devices. Where time jumps, it stands still as long as anybody is at work or ready: so a
    simulated lab has one course of events, however the threads are scheduled.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._ready: list[int] = []
        """Threads that are ready; it is the first one's turn."""
        self._pausing: list[int] = []

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Take part, from this thread's turn on."""
        self._join()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave the turn to others; it is this thread's turn again when this ends."""
        self._leave()
        try:
            yield
        finally:
            self._join()

    def pause(self, seconds: float) -> bool:
        """Leave the turn to others until one of them says that something :meth:`changed`; whether it did.

        After ``seconds`` of the wall at the latest it is this thread's turn again, for what people and other
        processes may have done.
        """
        me = threading.get_ident()
        with self._changed:
            self._pausing.append(me)
        self._leave()
        with self._changed:
            woken = self._changed.wait_for(lambda: me not in self._pausing, seconds)
        self._join()
        return woken

    def changed(self) -> None:
        """Have those who pause look again."""
        with self._changed:
            for one in self._pausing:
                self._clock.hold(one)
            self._ready += self._pausing
            self._pausing.clear()
            self._changed.notify_all()

    def gathered(self, threads: int) -> None:
        """Wait until so many threads take part (they end by themselves only in their turn)."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._ready) >= threads)

    def _join(self) -> None:
        me = threading.get_ident()
        with self._changed:
            if me in self._pausing:
                self._pausing.remove(me)
            if me not in self._ready:
                self._clock.hold(me)
                self._ready.append(me)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ready[0] == me)

    def _leave(self) -> None:
        me = threading.get_ident()
        with self._changed:
            self._ready.remove(me)
            self._changed.notify_all()
        self._clock.let_go(me)
