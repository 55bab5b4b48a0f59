"""One process beside the server for what needs networks: it comes when asked and goes when idle."""

import asyncio
import functools
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from models.errors import UnusableInput

Answer = TypeVar("Answer")

IDLE_S = 600.0
"""After so many seconds without a question the process ends, and gives its memory back."""
PATIENCE_S = 180.0


class Worker:
    """Answers one question at a time, by a function of :mod:`dashboard.computed`.

    The server itself never loads a network: a question that hangs or takes too much memory ends this process
    alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._used = time.monotonic()
        self._waiting = ThreadPoolExecutor(16, "ask-worker")

    async def ask(self, function: Callable[..., Answer], *arguments: object) -> Answer:
        """The answer, off the event loop. Errors: :class:`UnusableInput`."""
        # Threads of its own: those who wait for their turn here must not keep pages waiting.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._waiting, functools.partial(self.answer, function, *arguments))

    def answer(self, function: Callable[..., Answer], *arguments: object) -> Answer:
        """The answer; those who ask meanwhile wait for their turn. Errors: :class:`UnusableInput`."""
        with self._lock:
            self._used = time.monotonic()
            pipe = self._started()
            try:
                pipe.send((function, arguments))
                if not pipe.poll(PATIENCE_S):
                    self._end()
                    raise UnusableInput(
                        f"There was no answer within {PATIENCE_S:g} s, so it was given up; ask for less."
                    )
                answer, refused = pipe.recv()
            except (EOFError, OSError) as error:
                self._end()
                raise UnusableInput(
                    "The process that computes was ended by the system, most likely for memory; ask for less."
                ) from error
            self._used = time.monotonic()
        if refused is not None:
            raise UnusableInput(refused)
        result: Answer = answer
        return result

    def rest(self) -> None:
        """End the process if nobody has asked for long."""
        if (
            self._process is not None
            and time.monotonic() - self._used > IDLE_S
            and self._lock.acquire(blocking=False)
        ):
            try:
                self._end()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the process."""
        self._end()

    def _started(self) -> Connection:
        if self._process is None or not self._process.is_alive() or self._pipe is None:
            # Spawned: the server's threads do not survive a fork.
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(theirs,), daemon=True, name="morpholoop-worker"
            )
            self._process.start()
            theirs.close()
            self._pipe = ours
        return self._pipe

    def _end(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.kill()
            self._process.join(5)
        self._process, self._pipe = None, None


def _serve(pipe: Connection) -> None:
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    # The loop comes first: whatever people try out here must not slow a campaign down.
    os.nice(10)
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            function, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        answer: tuple[Any, str | None]
        try:
            answer = function(*arguments), None
        except UnusableInput as refused:
            answer = None, str(refused)
        except Exception as error:  # one question that fails is no end of the others
            answer = None, f"It could not be computed ({type(error).__name__}: {error})."
        pipe.send(answer)
