"""Waiting for a person, without holding anybody up."""

import threading
import time
from collections.abc import Callable

from devices.errors import LabError
from devices.manual.board import Board
from devices.manual.task import Task

POLL_S = 0.2


class Waiting:
    """Looks at a task until it is closed, in a thread of its own.

    ``then`` is called once, with the closed task, with None when ``timeout_s`` have passed, or with the
    error that made it impossible to look; not at all after :meth:`leave`.
    """

    def __init__(
        self, board: Board, task_id: str, timeout_s: float, then: Callable[[Task | LabError | None], None]
    ) -> None:
        self._board, self._task_id, self._timeout_s, self._then = board, task_id, timeout_s, then
        self._left = threading.Event()
        threading.Thread(target=self._look, name=f"waiting for {task_id}", daemon=True).start()

    def leave(self) -> None:
        """Wait no more."""
        self._left.set()

    def _look(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                task = self._board.task(self._task_id)
            except LabError as error:
                self._then(error)
                return
            if task is not None and task.state != "waiting":
                self._then(task)
                return
            if time.monotonic() > deadline:
                self._then(None)
                return
            if self._left.wait(POLL_S):
                return
