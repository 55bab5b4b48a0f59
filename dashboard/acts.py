"""What people do, by whichever way they come: each act asks for the role, is done once, and is on record."""

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from campaigns.ledger import (
    FINAL_STATUSES,
    ApprovalRecord,
    CampaignRecord,
    ExperimentRecord,
    Ledger,
    NotFound,
    ledgers,
)
from campaigns.people import Act, People, Person, deciding
from campaigns.specification import Campaign
from dashboard.starting import Started, Starter, could_go_on
from devices import ordering
from devices.errors import LabError
from devices.labfile import LabFileLimits, ReactorLimits, read_lab_file
from devices.limits import Limit
from devices.manual.board import Board
from devices.manual.task import Task
from devices.ordering import Stop
from devices.places import opened
from devices.stopping import StopOrder
from models.errors import UnusableInput
from models.values import Conditions

_log = logging.getLogger(__name__)


class Acts:
    """Acts of people in one state directory."""

    def __init__(self, home: Path, people: People) -> None:
        self.home, self.people = home, people
        self.starter = Starter(home)

    def approve(self, person: Person, experiment_id: str, *, shown: str, reason: str = "") -> ApprovalRecord:
        """Approve exactly what was shown; the campaign goes on. Errors: as :func:`deciding.approve`."""
        with self.experiment(experiment_id) as (ledger, experiment):
            record, limits = self._shown(ledger, experiment)
            approval = deciding.approve(
                ledger, person, experiment_id, limits=limits, shown=shown, reason=reason
            )
        self._go_on(record.id)
        return approval

    def reject(self, person: Person, experiment_id: str, *, shown: str, reason: str) -> ApprovalRecord:
        """Reject a proposal; the campaign goes on with another."""
        with self.experiment(experiment_id) as (ledger, experiment):
            record, limits = self._shown(ledger, experiment)
            decision = deciding.reject(
                ledger, person, experiment_id, limits=limits, shown=shown, reason=reason
            )
        self._go_on(record.id)
        return decision

    def edit(
        self, person: Person, experiment_id: str, changes: Conditions, *, shown: str, reason: str
    ) -> ExperimentRecord:
        """Propose other conditions; the campaign goes on to predict them, and waits for another decision."""
        with self.experiment(experiment_id) as (ledger, experiment):
            record, limits = self._shown(ledger, experiment)
            made = deciding.edit(
                ledger, person, experiment_id, changes, limits=limits, shown=shown, reason=reason
            )
        self._go_on(record.id)
        return made

    def limits(self, campaign: Campaign) -> Mapping[str, Limit]:
        """The limits of a campaign's lab as they are now. Errors: :class:`LabError`."""
        return ReactorLimits(LabFileLimits(campaign.lab)).read()

    def shown(self, ledger: Ledger, experiment: ExperimentRecord) -> str:
        """The hash of a proposal as it is shown now, to be sent back with the decision."""
        _, limits = self._shown(ledger, experiment)
        return ledger.shown(experiment.id, limits=limits)

    def pause(self, person: Person, campaign_id: str, reason: str) -> CampaignRecord:
        """Have a campaign stop after the step that it is in."""
        with self.campaign(campaign_id) as (ledger, _):
            return deciding.pause(ledger, person, campaign_id, reason)

    def resume(self, person: Person, campaign_id: str, reason: str = "") -> CampaignRecord:
        """Let a campaign go on, driven by a worker."""
        with self.campaign(campaign_id) as (ledger, _):
            record = deciding.resume(ledger, person, campaign_id, reason)
        self._go_on(campaign_id)
        return record

    def abort(self, person: Person, campaign_id: str, reason: str) -> CampaignRecord:
        """End a campaign for good."""
        with self.campaign(campaign_id) as (ledger, _):
            return deciding.abort(ledger, person, campaign_id, reason)

    def reject_field(self, person: Person, experiment_id: str, sha256: str, reason: str) -> None:
        """Have a measured field left out from now on."""
        with self.experiment(experiment_id) as (ledger, _):
            deciding.reject_field(ledger, person, experiment_id, sha256, reason)

    def start(
        self, person: Person, name: str, *, seed: int | None = None, iterations: int | None = None
    ) -> Started:
        """Start a campaign from one of the files that lie ready. Errors: :class:`UnusableInput`."""
        person.require(Act.RUN)
        started = self.starter.start(name, seed=seed, iterations=iterations)
        facts = {**person.facts, "seed": started.seed, "simulated": started.simulated}
        self.people.note("campaign started", author=person.name, subject=started.name, facts=facts)
        return started

    def labs(self) -> dict[str, Path]:
        """The labs that were opened in this state directory, or are about to be: lab file by name.

        A campaign that has just been started has not opened its lab yet, and a stop is for that one too.
        """
        known = {
            place.snapshot.lab: Path(place.snapshot.file)
            for place in opened(self.home)
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
                return ordering.stop(item[1], self.home, StopOrder.now(told, person.name))
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
            orders = ordering.clear(file, self.home).values()
            cleared |= {order.id: order for order in orders}
            if orders:
                facts = {**person.facts, "orders": [order.told() for order in orders]}
                self.people.note(
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
        self.people.note("task confirmed", author=person.name, subject=task.id, facts=person.facts)
        return task

    def decline(self, person: Person, key: str, reason: str) -> Task:
        """Say that a task was not done; the sample is lost. Errors: :class:`LabError`."""
        person.require(Act.CONFIRM)
        if not reason.strip():
            raise UnusableInput("Say why the task was not done.")
        task = self._board.reject(self._board.waiting(key).id, reason.strip(), author=person.name)
        self.people.note(
            "task declined", author=person.name, subject=task.id, reason=reason.strip(), facts=person.facts
        )
        return task

    def promote(self, person: Person, version: str, reason: str = "") -> str:
        """Make a version of the generator the current one; returns the one before."""
        from models.generator import registry

        person.require(Act.PROMOTE)
        # By name alone: the registry would take a path, too.
        if version not in [one.name for one in registry.versions(self.home)]:
            raise NotFound(f"There is no version {version!r} of the generator.")
        before = registry.current(self.home)
        registry.promote(version, self.home)
        facts = {**person.facts, "before": before}
        self.people.note(
            "model promoted", author=person.name, subject=version, reason=reason.strip(), facts=facts
        )
        return before or ""

    def rollback(self, person: Person, reason: str = "") -> str:
        """Go back to the version that was current before; returns its name."""
        from models.generator import registry

        person.require(Act.PROMOTE)
        before, now = registry.current(self.home), registry.rollback(self.home)
        facts = {**person.facts, "before": before}
        self.people.note(
            "model rolled back", author=person.name, subject=now, reason=reason.strip(), facts=facts
        )
        return now

    @contextmanager
    def campaign(self, campaign_id: str) -> Iterator[tuple[Ledger, CampaignRecord]]:
        """A campaign with its ledger. Errors: :class:`NotFound`."""
        with ledgers(self.home) as opened_:
            for ledger in opened_:
                try:
                    record = ledger.campaign(campaign_id)
                except NotFound:
                    continue
                yield ledger, record
                return
        raise NotFound(f"There is no campaign {campaign_id}.")

    @contextmanager
    def experiment(self, experiment_id: str) -> Iterator[tuple[Ledger, ExperimentRecord]]:
        """An experiment with its ledger. Errors: :class:`NotFound`."""
        with ledgers(self.home) as opened_:
            for ledger in opened_:
                try:
                    experiment = ledger.experiment(experiment_id)
                except NotFound:
                    continue
                yield ledger, experiment
                return
        raise NotFound(f"There is no experiment {experiment_id}.")

    def _about_to_be_opened(self) -> set[Path]:
        """Lab files of campaigns that have not ended, and of those that were started here."""
        files = set(self.starter.lab_files)
        try:
            with ledgers(self.home) as opened_:
                records = [record for ledger in opened_ for record in ledger.campaigns()]
        except UnusableInput as away:
            _log.warning("Campaigns cannot be read, so only labs that were opened are stopped: %s", away)
            return files
        going_on = [record for record in records if record.status not in FINAL_STATUSES]
        return files | {Campaign.from_json(record.specification).lab for record in going_on}

    @property
    def _board(self) -> Board:
        return Board(self.home / "manual")

    def _shown(
        self, ledger: Ledger, experiment: ExperimentRecord
    ) -> tuple[CampaignRecord, Mapping[str, Limit]]:
        record = ledger.campaign(experiment.campaign_id)
        return record, self.limits(Campaign.from_json(record.specification))

    def _go_on(self, campaign_id: str) -> None:
        """Have the campaign go on; what was decided stands, whatever becomes of that."""
        try:
            with self.campaign(campaign_id) as (_, record):
                self.starter.go_on(record, lambda: self._could_go_on(campaign_id))
        except (OSError, UnusableInput) as failure:
            _log.warning("%s does not go on by itself: %s", campaign_id, failure)

    def _could_go_on(self, campaign_id: str) -> bool:
        with self.campaign(campaign_id) as (ledger, record):
            return could_go_on(ledger, record)

    def _named(self, lab: str | None) -> dict[str, Path]:
        known = self.labs()
        if lab is None:
            return known
        if lab not in known:
            names = ", ".join(sorted(known)) or "none"
            raise LabError(f"No lab {lab!r} was opened here; there are: {names}.")
        return {lab: known[lab]}

    def _note_anyway(self, act: str, person: Person, lab: str, reason: str) -> None:
        try:
            self.people.note(act, author=person.name, subject=lab, reason=reason, facts=person.facts)
        except UnusableInput as lost:
            _log.warning("%s %s is not in the audit: %s", act, lab, lost)
