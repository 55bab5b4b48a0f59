"""A campaign's progress on standard error: a live display on a terminal, plain lines in a log."""

import threading
import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from cli.output import console
from flows.progress import Event

QUIET_S = 5.0
"""In a log, ticks within a step appear at most this often."""


class CampaignDisplay:
    """Shows events; use it as a context and hand it to :func:`flows.progress.watched`."""

    def __init__(self, out: Console = console) -> None:
        self._out = out
        self._live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}"),
            console=out,
            transient=True,
        )
        self._whole = self._live.add_task("experiments", total=None, text="", visible=False)
        self._step = self._live.add_task("", total=None, text="", visible=False)
        self._began = time.monotonic()
        self._one_event = threading.Lock()
        self._first: tuple[int, float] | None = None
        self._last_tick = 0.0
        self._last_step = ("", 0)

    def __enter__(self) -> "CampaignDisplay":
        if self._out.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._out.is_terminal:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Show one event; several experiments may be under way, each in a thread of its own."""
        with self._one_event:
            if event.experiment and self._first is None:
                self._first = (event.experiment, time.monotonic())
            if self._out.is_terminal:
                self._show(event)
            quiet = not self._out.is_terminal and time.monotonic() - self._last_tick >= QUIET_S
            if not event.done or quiet:
                self._line(event)

    def _show(self, event: Event) -> None:
        if event.experiment:
            self._live.update(
                self._whole,
                visible=True,
                completed=event.experiment - 1,
                total=event.experiments,
                text=self._remaining(event),
            )
        fresh = (event.step, event.experiment) != self._last_step
        self._last_step = (event.step, event.experiment)
        if fresh:
            self._live.reset(self._step, total=event.total or None, description=event.step, text=event.text)
        self._live.update(
            self._step, visible=True, completed=event.done, total=event.total or None, text=event.text
        )

    def _line(self, event: Event) -> None:
        self._last_tick = time.monotonic()
        minutes, seconds = divmod(int(self._last_tick - self._began), 60)
        where = f"experiment {event.experiment}/{event.experiments} " if event.experiment else ""
        tick = f" {event.done}/{event.total}" if event.done and event.total else ""
        remaining = self._remaining(event)
        tail = f" ({remaining})" if remaining and event.step == "suggest" and not event.done else ""
        self._out.print(
            f"[dim]{minutes:02d}:{seconds:02d}[/dim] {where}[bold]{event.step}[/bold]{tick} ",
            end="",
            soft_wrap=True,
        )
        self._out.print(f"{event.text}{tail}", markup=False, soft_wrap=True)

    def _remaining(self, event: Event) -> str:
        """How long it takes at most, from the pace so far; a campaign that converges ends earlier."""
        if self._first is None or event.experiment <= self._first[0]:
            return ""
        pace = (time.monotonic() - self._first[1]) / (event.experiment - self._first[0])
        left = pace * (event.experiments - event.experiment + 1)
        return f"at most {left / 60:.0f} min left" if left >= 90 else f"at most {left:.0f} s left"
