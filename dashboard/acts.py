"""What people do, by whichever way they come: each act asks for the role, is done once, and is on record."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from campaigns.ledger import (
    ApprovalRecord,
    CampaignRecord,
    ExperimentRecord,
    Ledger,
    NotFound,
    ledgers,
)
from campaigns.people import Act, People, Person, deciding
from campaigns.specification import Campaign
from dashboard.lab_acts import LabActs
from dashboard.model_acts import ModelActs
from dashboard.starting import Started, Starter, could_go_on
from devices.labfile import LabFileLimits, ReactorLimits
from devices.limits import Limit
from models.errors import UnusableInput
from models.values import Conditions

_log = logging.getLogger(__name__)


class Acts:
    """Acts of people in one state directory."""

    def __init__(self, home: Path, people: People) -> None:
        self.home, self.people = home, people
        self.starter = Starter(home)
        self.labs = LabActs(home, people, self.starter)
        self.models = ModelActs(home, people)

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
