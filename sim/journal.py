"""What the simulated controllers keep through a power cut: every start and end, appended and fsynced."""

import fcntl
import json
import os
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from devices.errors import LabError
from devices.records import Conditions, RunRecord

Entry = Mapping[str, Any]


PATIENCE_S = 5.0
"""How long to wait for a journal that another process holds: one that was killed may still be going."""

ONE = "reactor"
"""The reactor of a lab that has one."""

_open: weakref.WeakSet["Journal"] = weakref.WeakSet()


def _let_go() -> None:
    for journal in _open:
        journal.close()


# A forked worker must not keep its parent's journal held after the parent was killed.
os.register_at_fork(after_in_child=_let_go)


class Journal:
    """Lines of JSON in ``folder/journal.jsonl``; a last line that a crash cut off is dropped, as never begun.

    ``identity`` says whose journal it is (plant and seed); another's is refused. Only one process writes to a
    journal: from its first entry on until :meth:`close`.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.path = folder / "journal.jsonl"
        self._identity = dict(identity)
        self._file: TextIO | None = None
        self._entries: list[Entry] = []
        self._read()

    @property
    def elapsed_s(self) -> float:
        """The virtual time of the latest entry, in seconds."""
        return max((float(entry["t_s"]) for entry in self._entries), default=0.0)

    @property
    def starts(self) -> int:
        """How often the reactor was started in all."""
        return len(self._of("start"))

    def running(self, reactor: str | None = None) -> Entry | None:
        """The start of the batch that has no end yet, in a reactor (None: in any)."""
        ended = {
            entry["key"] for entry in self._entries if entry["event"] in ("done", "stopped") and entry["key"]
        }
        return next(
            (
                entry
                for entry in self._of("start")
                if entry["key"] not in ended and reactor in (None, self.reactor_of(entry))
            ),
            None,
        )

    @staticmethod
    def reactor_of(start: Entry) -> str:
        """The reactor of a batch; the one of labs that have one is not written down."""
        return str(start.get("reactor", ONE))

    def starts_of(self, reactor: str) -> int:
        """How often a reactor was started."""
        return sum(self.reactor_of(entry) == reactor for entry in self._of("start"))

    def record(self, key: str, at: Callable[[float], str], reactor: str | None = None) -> RunRecord | None:
        """The batch ``key`` (in a reactor) as far as it went; ``at`` turns virtual seconds into a date."""
        starts = [
            entry
            for entry in self._of("start")
            if entry["key"] == key and reactor in (None, self.reactor_of(entry))
        ]
        if not starts:
            return None
        start = starts[0]
        end = next((e for e in self._entries if e["key"] == key and e["event"] in ("done", "stopped")), None)
        return RunRecord(
            key=key,
            state="running" if end is None else "done" if end["event"] == "done" else "fault",
            started_at=at(start["t_s"]),
            finished_at="" if end is None else at(end["t_s"]),
            conditions=start["conditions"],
            starts=len(starts),
            reason="" if end is None else end.get("reason", ""),
        )

    def start(
        self, key: str, conditions: Conditions, *, t_s: float, until_s: float, reactor: str = ONE
    ) -> Entry:
        """Write down that the batch ``key`` starts, and its number; a known key is not started again."""
        self._lock()
        known = next((entry for entry in self._of("start") if entry["key"] == key), None)
        if known is not None and self.reactor_of(known) != reactor:
            raise LabError(f"The batch {key} was started in {self.reactor_of(known)}, not in {reactor}.")
        if known is not None:
            return known
        running = self.running(reactor)
        if running is not None:
            raise LabError(f"The reactor is busy with the batch {running['key']}; wait for it, or stop it.")
        where = {} if reactor == ONE else {"reactor": reactor}
        return self._append(
            event="start",
            key=key,
            batch=self.starts,
            conditions=dict(conditions),
            t_s=t_s,
            until_s=until_s,
            **where,
        )

    def done(self, key: str, sample: Mapping[str, Any], *, t_s: float) -> None:
        """Write down the sample of the batch ``key``."""
        self._append(event="done", key=key, sample=dict(sample), t_s=t_s)

    def stopped(self, key: str | None, reason: str, *, t_s: float) -> None:
        """Write down that the lab was stopped, with the batch that was lost (None: none ran)."""
        self._append(event="stopped", key=key, reason=reason, t_s=t_s)

    def tells_of_stop(self, reason: str, *, t_s: float) -> bool:
        """Whether the latest entry is this very stop."""
        last = self._entries[-1] if self._entries else {}
        return (last.get("event"), last.get("reason"), last.get("t_s")) == ("stopped", reason, t_s)

    def sample(self, key: str) -> Mapping[str, Any] | None:
        """What the batch ``key`` gave."""
        return next((entry["sample"] for entry in self._of("done") if entry["key"] == key), None)

    def imaged(self, key: str, magnification: float, field: int, *, t_s: float) -> None:
        """Write down that a field was imaged."""
        self._append(event="imaged", key=key, magnification=magnification, field=field, t_s=t_s)

    def imaged_at(self, key: str, magnification: float, field: int) -> float | None:
        """When a field was imaged, in virtual seconds."""
        wanted = (key, magnification, field)
        return next(
            (
                float(entry["t_s"])
                for entry in self._of("imaged")
                if (entry["key"], entry["magnification"], entry["field"]) == wanted
            ),
            None,
        )

    def fault(self, key: str, kind: str, number: int, *, t_s: float, **where: Any) -> None:
        """Write down that the fault ``number`` of the lab's scenario came."""
        self._append(event="fault", key=key, kind=kind, number=number, t_s=t_s, **where)

    def faults(self) -> list[Entry]:
        """Every fault that came, the earliest first."""
        return self._of("fault")

    def ordered(self, quantity: str, value: float | str, *, t_s: float) -> None:
        """Write down that a quantity was sent to a set-point."""
        self._append(event="ordered", key="", quantity=quantity, value=value, t_s=t_s)

    def batch(self, key: str) -> int:
        """The number of the batch ``key``, from 1; 0 if the reactor was never started with it."""
        return next((int(entry["batch"]) + 1 for entry in self._of("start") if entry["key"] == key), 0)

    def fields(self, key: str) -> int:
        """How many fields were imaged of the sample of ``key``."""
        return sum(entry["key"] == key for entry in self._of("imaged"))

    def close(self) -> None:
        """Let others write."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _of(self, event: str) -> list[Entry]:
        return [entry for entry in self._entries if entry["event"] == event]

    def _read(self) -> int:
        """Read the journal anew; returns the length of its whole lines in bytes."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as error:
            raise LabError(f"The journal {self.path} cannot be read ({error.strerror or error}).") from error
        whole = content[: content.rfind(b"\n") + 1]
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
            owner, entries = (lines[0]["lab"], lines[1:]) if lines else (self._identity, [])
        except (ValueError, KeyError, TypeError) as error:
            raise LabError(
                f"The journal {self.path} is damaged ({error}), so what was started cannot be told; "
                "restore it, or use another state directory."
            ) from error
        if owner != self._identity:
            raise LabError(
                f"The journal {self.path} belongs to another simulated lab ({_named(owner)}, not "
                f"{_named(self._identity)}); use another state directory."
            )
        self._entries = entries
        return len(whole)

    def _lock(self) -> TextIO:
        """Become the one who writes, and read what others wrote before."""
        if self._file is not None:
            return self._file
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise LabError(
                f"The journal {self.path} cannot be written ({error.strerror or error})."
            ) from error
        deadline = time.monotonic() + PATIENCE_S
        while not _held(file):
            if time.monotonic() > deadline:
                file.close()
                raise LabError(
                    f"The simulated lab in {self.path.parent} is in use by another process; wait for it."
                )
            time.sleep(0.05)
        self._file = file
        _open.add(self)
        whole = self._read()
        file.truncate(whole)
        if not whole:
            self._write(file, {"lab": self._identity})
        return file

    def _append(self, **entry: Any) -> Entry:
        self._write(self._lock(), entry)
        self._entries.append(entry)
        return entry

    def _write(self, file: TextIO, line: Entry) -> None:
        try:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise LabError(
                f"The journal {self.path} cannot be written ({error.strerror or error})."
            ) from error


def _held(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _named(identity: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in identity.items())
