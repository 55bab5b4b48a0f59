"""What people do with labs and with the tasks that these ask of them; on record like every act."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from campaigns.ledger import FINAL_STATUSES, ledgers
from campaigns.people import Act, People, Person
from campaigns.specification import Campaign
from dashboard.starting import Starter
from devices import ordering
from devices.errors import LabError
from devices.labfile import read_lab_file
from devices.manual.board import Board
from devices.manual.task import Task
from devices.ordering import Stop
from devices.places import opened
from devices.stopping import StopOrder
from models.errors import UnusableInput

_log = logging.getLogger(__name__)


class LabActs:
    """Acts on the labs of one state directory."""

    def __init__(self, home: Path, people: People, starter: Starter) -> None:
        self._home, self._people, self._starter = home, people, starter
        self._board = Board(home / "manual")

    def known(self) -> dict[str, Path]:
        """The labs that were opened in this state directory, or are about to be: lab file by name.

        A campaign that has just been started has not opened its lab yet, and a stop is for that one too.
        """
        known = {
            place.snapshot.lab: Path(place.snapshot.file)
            for place in opened(self._home)
            if place.snapshot is not None
        }
        for file in self._about_to_be_opened():
            try:
                known.setdefault(read_lab_file(file).name, file)
            except LabError as fault:
                # Nobody can open it either.
                _log.warning("%s is passed over: %s", file, fault)
        return known

    def stop(self, person: Person, lab: str | None = None, reason: str = "") -> tuple[Stop, ...]:
        """Stop a lab, or all of them, now. Errors: :class:`LabError` when one could not be ordered to.

        Each is tried, whatever became of the others; and a stop does not fail for want of a record.
        """
        person.require(Act.STOP)
        told = reason.strip()[:500] or "stopped from the dashboard"
        named = self._named(lab)

        def stop(item: tuple[str, Path]) -> Stop | str:
            try:
                return ordering.stop(item[1], self._home, StopOrder.now(told, person.name))
            except LabError as fault:
                return f"{item[0]}: {fault}"

        # All at once: a lab that does not answer keeps no other waiting.
        with ThreadPoolExecutor(max(1, len(named))) as pool:
            answers = list(pool.map(stop, named.items()))
        for name in named:
            self._note_anyway("lab stopped", person, name, told)
        faults = [one for one in answers if isinstance(one, str)]
        if faults:
            raise LabError(" ".join(faults))
        return tuple(one for one in answers if isinstance(one, Stop))

    def clear(self, person: Person, lab: str | None = None, reason: str = "") -> tuple[StopOrder, ...]:
        """Take back the stop orders to a lab, or to all. Errors: :class:`LabError`."""
        person.require(Act.CLEAR)
        cleared: dict[str, StopOrder] = {}
        for name, file in self._named(lab).items():
            orders = ordering.clear(file, self._home).values()
            cleared |= {order.id: order for order in orders}
            if orders:
                facts = {**person.facts, "orders": [order.told() for order in orders]}
                self._people.note(
                    "lab cleared", author=person.name, subject=name, reason=reason.strip(), facts=facts
                )
        return tuple(cleared.values())

    def tasks(self, *, every: bool = False) -> list[Task]:
        """What the lab asks of a person, open or all."""
        return [task for task in self._board.tasks() if every or task.state == "waiting"]

    def confirm(self, person: Person, key: str, typed: Mapping[str, str]) -> Task:
        """Say that a task is done, with what was reached. Errors: :class:`LabError`."""
        person.require(Act.CONFIRM)
        task = self._board.confirm(self._board.waiting(key).id, typed, author=person.name)
        self._people.note("task confirmed", author=person.name, subject=task.id, facts=person.facts)
        return task

    def decline(self, person: Person, key: str, reason: str) -> Task:
        """Say that a task was not done; the sample is lost. Errors: :class:`LabError`."""
        person.require(Act.CONFIRM)
        if not reason.strip():
            raise UnusableInput("Say why the task was not done.")
        task = self._board.reject(self._board.waiting(key).id, reason.strip(), author=person.name)
        self._people.note(
            "task declined", author=person.name, subject=task.id, reason=reason.strip(), facts=person.facts
        )
        return task

    def _about_to_be_opened(self) -> set[Path]:
        """Lab files of campaigns that have not ended, and of those that were started here."""
        files = set(self._starter.lab_files)
        try:
            with ledgers(self._home) as opened_:
                records = [record for ledger in opened_ for record in ledger.campaigns()]
        except UnusableInput as away:
            _log.warning("Campaigns cannot be read, so only labs that were opened are stopped: %s", away)
            return files
        going_on = [record for record in records if record.status not in FINAL_STATUSES]
        return files | {Campaign.from_json(record.specification).lab for record in going_on}

    def _named(self, lab: str | None) -> dict[str, Path]:
        known = self.known()
        if lab is None:
            return known
        if lab not in known:
            names = ", ".join(sorted(known)) or "none"
            raise LabError(f"No lab {lab!r} was opened here; there are: {names}.")
        return {lab: known[lab]}

    def _note_anyway(self, act: str, person: Person, lab: str, reason: str) -> None:
        try:
            self._people.note(act, author=person.name, subject=lab, reason=reason, facts=person.facts)
        except UnusableInput as lost:
            _log.warning("%s %s is not in the audit: %s", act, lab, lost)
