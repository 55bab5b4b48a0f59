"""The board of tasks: one file for each request to a person, changed under a lock and renamed into place."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from devices.clock import iso
from devices.errors import LabError
from devices.manual.task import Task


class Board:
    """Tasks in ``folder``; any number of processes may read and answer, and one of them wins.

    A task that was posted once is never posted again: the file is the memory of its device.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tasks(self, device: str | None = None) -> list[Task]:
        """All tasks (of a device), the oldest first. Errors: :class:`LabError` for a damaged one."""
        found = [self._read(path) for path in self.folder.glob("*.json")]
        chosen = [task for task in found if task is not None and device in (None, task.device)]
        return sorted(chosen, key=lambda task: (task.asked_at, task.id))

    def task(self, task_id: str) -> Task | None:
        """One task, if it was ever posted."""
        return self._read(self.folder / f"{task_id}.json")

    def waiting(self, key: str) -> Task:
        """The task that waits under a dispatch key (or a task's own id).

        Errors: :class:`LabError` when none or several do, naming what waits.
        """
        tasks = [task for task in self.tasks() if key in (task.key, task.id)]
        open_ = [task for task in tasks if task.state == "waiting"]
        if len(open_) == 1:
            return open_[0]
        if open_:
            names = ", ".join(task.id for task in open_)
            raise LabError(f"Several tasks of {key} wait; name one of {names}.")
        if tasks:
            raise LabError(_closed(tasks[-1]))
        names = ", ".join(task.id for task in self.tasks() if task.state == "waiting") or "nothing"
        raise LabError(f"Nothing was asked of a person under {key}; what waits is {names}.")

    def post(self, task: Task, *, again: Collection[str] = ()) -> Task:
        """Ask; a task of this id that is there already is returned as it stands.

        One that ended in a state of ``again`` is asked anew, where doing it twice does no harm.
        """
        with self._locked():
            known = self.task(task.id)
            if known is None or known.state in again:
                return self._write(task)
            return known

    def finish(self, task_id: str, reason: str) -> None:
        """Take note that a task was seen to be done, without anybody's word."""
        with self._locked():
            task = self.task(task_id)
            if task is not None and task.state == "waiting":
                self._close(task, "done", reason, "the program")

    def confirm(self, task_id: str, typed: Mapping[str, str], *, author: str) -> Task:
        """Say that a task is done, with what was typed.

        Errors: :class:`LabError` for what cannot be meant, and when the task waits no more.
        """
        with self._locked():
            task = self._still_waiting(task_id)
            now = iso(datetime.now(UTC))
            answer = task.answered(typed, author=author, at=now)
            done = {"state": "done", "answer": answer, "closed_by": author, "closed_at": now}
            return self._write(task.model_copy(update=done))

    def reject(self, task_id: str, reason: str, *, author: str) -> Task:
        """Say that a task will not be done. Errors: :class:`LabError`, also if it waits no more."""
        with self._locked():
            return self._close(self._still_waiting(task_id), "rejected", reason, author)

    def withdraw(self, task_id: str, reason: str) -> Task | None:
        """Take a task back if it still waits; returns it as it stands then."""
        with self._locked():
            task = self.task(task_id)
            if task is None or task.state != "waiting":
                return task
            return self._close(task, "withdrawn", reason, "the program")

    def _close(self, task: Task, state: str, reason: str, author: str) -> Task:
        closed = {"state": state, "reason": reason, "closed_by": author, "closed_at": iso(datetime.now(UTC))}
        return self._write(task.model_copy(update=closed))

    def _still_waiting(self, task_id: str) -> Task:
        task = self.task(task_id)
        if task is None:
            raise LabError(f"There is no task {task_id}; see `morpholoop lab tasks`.")
        if task.state != "waiting":
            raise LabError(_closed(task))
        return task

    def _read(self, path: Path) -> Task | None:
        try:
            return Task.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LabError(f"The task {path} cannot be read ({error.strerror or error}).") from error
        except ValidationError as error:
            raise LabError(
                f"The task {path} is damaged ({error.errors()[0]['msg']}), so what was asked cannot be told; "
                "restore it from a backup."
            ) from error

    def _write(self, task: Task) -> Task:
        path = self.folder / f"{task.id}.json"
        try:
            descriptor, temporary = tempfile.mkstemp(dir=self.folder, prefix=".task-")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(task.model_dump_json(indent=2) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(temporary, 0o644)
                os.replace(temporary, path)
            except BaseException:  # an interrupt, too, leaves no half file; it goes on
                os.unlink(temporary)
                raise
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unwritable(error) from error
        return task

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone with the board; whoever holds it is done in milliseconds, or dead, which frees it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("a")
        except OSError as error:
            raise self._unwritable(error) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _unwritable(self, error: OSError) -> LabError:
        return LabError(
            f"The tasks in {self.folder} cannot be written ({error.strerror or error}); "
            "make room or make the folder writable."
        )


def _closed(task: Task) -> str:
    what = {"done": "confirmed", "rejected": "rejected", "withdrawn": "withdrawn"}[task.state]
    why = f" ({task.reason})" if task.reason else ""
    return f"The task {task.id} waits no more: {what} by {task.closed_by} at {task.closed_at}{why}."
