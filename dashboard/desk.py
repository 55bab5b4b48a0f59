"""What every page needs: what is read from a state directory, who is signed in, and what they may do."""

import time
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.resources import files
from pathlib import Path

import psutil
from starlette.requests import HTTPConnection

from campaigns.ledger import LedgerError
from campaigns.people import People, Person, SignInRefused
from dashboard.acts import Acts
from dashboard.reading.labs import labs, orders
from dashboard.reading.recent import Recent
from dashboard.reading.source import Source
from dashboard.security import Guard, Settings, Visitor
from dashboard.starting import Started
from dashboard.worker import Worker
from devices.errors import LabError
from models.errors import UnusableInput
from models.generator.registry import versions

REFUSALS = (UnusableInput, LabError, LedgerError)
"""Errors whose sentence is for the person who asked."""

TOLD_S = 600.0
"""For so long a start that failed is told."""


@dataclass(frozen=True)
class Begun:
    """A campaign that was started here and is not in a ledger yet; ``failed`` is why it never will be."""

    started: Started
    at: float
    failed: str = ""


class Desk:
    """One dashboard over one state directory."""

    def __init__(self, home: Path, settings: Settings | None = None) -> None:
        self.home = home
        self.source = Source(home)
        # However many look at once.
        self.versions = Recent(partial(versions, home), kept_s=3.0)
        self.labs = Recent(partial(labs, home), kept_s=0.5)
        self.orders = Recent(partial(orders, home), kept_s=0.5)
        self.worker = Worker()
        self.people = People.open(home)
        self.guard = Guard(self.people, settings)
        self.acts = Acts(home, self.people)
        self._begun: list[Begun] = []
        self._to_tell: dict[str, str] = {}

    @cached_property
    def style(self) -> str:
        """The pages' style sheet."""
        return files("dashboard.parts").joinpath("style.css").read_text(encoding="utf-8")

    def visitor(self, connection: HTTPConnection, *, seen: bool = True) -> Visitor | None:
        """Who asks, None for nobody; not ``seen`` where it is not they who ask but their page, by itself."""
        try:
            return self.guard.visitor(connection, seen=seen)
        except SignInRefused:
            return None

    def stop(self, person: Person, reason: str) -> str:
        """Stop every lab, and tell what came of it."""
        try:
            stops = self.acts.labs.stop(person, None, reason)
        except LabError as error:
            return f"STOP NOT CONFIRMED: {error} Use the hardware's own stop."
        finally:
            self._lab_changed()
        outcomes = [one for stop in stops for one in stop.outcomes]
        failed = [one.told for one in outcomes if not one.stopped]
        if failed:
            return f"STOP NOT CONFIRMED: {'; '.join(failed)}. Use the hardware's own stop."
        drove = [one.told for one in outcomes if one.process is not None]
        known = ", ".join(self.acts.labs.known()) or "no lab was ever opened here"
        return f"STOPPED ({known}): {'; '.join(drove) or 'nobody drove it, and nothing ran'}."

    def leave_word(self, visitor: Visitor, text: str) -> None:
        """Have somebody told something on the next page that their browser asks for."""
        self._to_tell[visitor.csrf] = text

    def word_for(self, visitor: Visitor) -> str:
        """What was left for somebody to be told; once."""
        return self._to_tell.pop(visitor.csrf, "")

    def clear(self, person: Person) -> str:
        """Take back every stop order that stands. Errors: :data:`REFUSALS`."""
        cleared = {one.told() for one in self.acts.labs.clear(person)}
        self._lab_changed()
        return f"Taken back: {'; '.join(sorted(cleared))}." if cleared else "No stop stands."

    def _lab_changed(self) -> None:
        self.labs.forget()
        self.orders.forget()

    def start(self, person: Person, name: str, seed: int | None = None) -> str:
        """Start a campaign from a file that lies ready. Errors: :data:`REFUSALS`."""
        started = self.acts.start(person, name, seed=seed)
        self._begun.append(Begun(started, time.time()))
        return f"{started.name} is starting; it shows here in a few seconds."

    def begun(self) -> tuple[Begun, ...]:
        """What was started here and has not shown up in a ledger."""
        shown = []
        for one in self._begun:
            known = [
                record
                for record in self.source.campaigns()
                if record.name == one.started.name and record.seed == one.started.seed
            ]
            if known or time.time() - one.at > TOLD_S:
                continue
            failed = "" if psutil.pid_exists(one.started.pid) else _last_line(one.started.log)
            shown.append(Begun(one.started, one.at, failed))
        return tuple(shown)

    def close(self) -> None:
        """Let go of databases and processes."""
        self.worker.close()
        self.source.close()
        self.people.close()


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1][:500] if lines else "it ended without a word"
