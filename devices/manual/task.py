"""One thing that a person is asked to do, and what the person answered."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from devices.errors import LabError
from devices.limits import Limit

TaskState = Literal["waiting", "done", "rejected", "withdrawn"]
Value = float | str

RESERVED = ("started", "finished", "remarks")
"""What can be typed with every answer: two times in ISO 8601, and free text."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ask(_Record):
    """One value to be typed. ``asked`` is what it should come to, where there is such a thing."""

    name: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    asked: Value | None = None

    @classmethod
    def of(cls, limit: Limit, asked: Value) -> "Ask":
        """The value that a set-point really came to; as asked unless something else is typed."""
        bounds = {} if limit.choices else {"low": limit.low, "high": limit.high}
        return cls(name=limit.name, unit=limit.unit, choices=limit.choices, asked=asked, **bounds)

    def read(self, text: str) -> Value:
        """What was typed, as a value. Errors: :class:`LabError` where a number is expected and none came."""
        if self.choices:
            return text
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise LabError(
                f"{self.name} = {text!r} is no number; expected one in {self.unit or 'no unit'}, for example "
                f"--set {self.name}={self.asked if self.asked is not None else 1:g}."
            )
        return value

    def flag(self, value: Value) -> str | None:
        """What is remarkable about a value that was reached, or None."""
        if isinstance(value, str):
            return (
                None
                if value in self.choices
                else f"{self.name} = {value!r} is none of {', '.join(self.choices)}"
            )
        low, high = (
            self.low if self.low is not None else -math.inf,
            self.high if self.high is not None else math.inf,
        )
        if low <= value <= high:
            return None
        return f"{self.name} = {value:g} {self.unit}".rstrip() + (
            f" is outside {low:g} to {high:g} {self.unit}".rstrip()
        )

    def told(self) -> str:
        """The value asked for, or the question, in words."""
        if self.asked is None:
            return f"{self.name} [{self.unit or '–'}]"
        shown = self.asked if isinstance(self.asked, str) else f"{self.asked:g}"
        return f"{self.name} = {shown} {self.unit}".rstrip()


class Answer(_Record):
    """What a person typed; ``flags`` tells what lies outside limits: it happened, so it is kept."""

    author: str
    at: str
    values: dict[str, Value] = {}
    started: str = ""
    finished: str = ""
    remarks: str = ""
    flags: tuple[str, ...] = ()


class Task(_Record):
    """A request to a person; its ``id`` is the dispatch key and the device, so that nothing is asked twice.

    ``ascending`` names values that must not fall from one to the next. ``reason`` says why a task was
    rejected or withdrawn, ``closed_by`` who did so and ``closed_at`` when (ISO 8601, UTC).
    """

    id: str
    key: str
    device: str
    title: str
    instructions: tuple[str, ...] = ()
    asks: tuple[Ask, ...] = ()
    ascending: tuple[str, ...] = ()
    asked_at: str
    state: TaskState = "waiting"
    answer: Answer | None = None
    reason: str = ""
    closed_by: str = ""
    closed_at: str = ""

    def answered(self, typed: Mapping[str, str], *, author: str, at: str) -> Answer:
        """The answer that was typed, checked for what cannot be meant.

        Errors: :class:`LabError` for an unknown or missing name, text that is no number, times that are none
        or run backwards. A value outside limits is no error: it is flagged.
        """
        asks = {ask.name: ask for ask in self.asks}
        unknown = [name for name in typed if name not in asks and name not in RESERVED]
        if unknown:
            raise LabError(
                f"The task {self.id} does not ask for {', '.join(unknown)}; "
                f"it knows {', '.join((*asks, *RESERVED))}."
            )
        missing = [ask.name for ask in self.asks if ask.required and ask.name not in typed]
        if missing:
            examples = " ".join(f"--set {name}=…" for name in missing)
            raise LabError(f"The task {self.id} needs {', '.join(missing)}; add {examples}.")
        values = {name: asks[name].read(text) for name, text in typed.items() if name in asks}
        run = [float(values[name]) for name in self.ascending if name in values]
        if run != sorted(run):
            raise LabError(
                f"{' ≤ '.join(self.ascending)} does not hold for "
                f"{', '.join(f'{value:g}' for value in run)}; type them again."
            )
        started, finished = (_moment(name, typed.get(name, "")) for name in ("started", "finished"))
        if started and finished and datetime.fromisoformat(finished) < datetime.fromisoformat(started):
            raise LabError(f"finished ({finished}) lies before started ({started}); type them again.")
        flags = tuple(flag for name, value in values.items() if (flag := asks[name].flag(value)))
        return Answer(
            author=author, at=at, values=values, started=started, finished=finished,
            remarks=typed.get("remarks", ""), flags=flags,
        )  # fmt: skip


def _moment(name: str, text: str) -> str:
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise LabError(f"{name} = {text!r} is no time; expected for example 2026-03-01T14:30.") from error
    # A time without a zone is the time on the wall.
    return (moment if moment.tzinfo else moment.astimezone()).isoformat()
