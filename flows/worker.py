"""What one run of the campaign flow works with: the campaign, its ledger, its laboratory, its lease."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from campaigns.ledger import CampaignRecord, CampaignState, ExperimentRecord, Lease, Ledger, State
from campaigns.ledger.states import FINAL_STATES
from campaigns.specification import Campaign
from devices.laboratory import Laboratory
from flows.lease import KeptLease
from flows.measuring import MeasuredField
from flows.notifying import notify
from flows.progress import Event, tell
from flows.seeds import derive
from models.learning.observations import Observation

if TYPE_CHECKING:
    from flows.prediction import Imagination

AUTHOR = "campaign flow"
PATIENCE_S = 2.0
"""How soon a campaign that was stopped is seen to be, while its worker lets time go by."""


class Worker:
    """Drives one campaign; everything it knows is in the ledger, so another can go on where it stopped.

    ``root`` is the store of the campaign's kind of lab (micrographs, predictions, reports), ``home`` the
    state directory (models).
    """

    def __init__(
        self,
        campaign: Campaign,
        campaign_id: str,
        ledger: Ledger,
        laboratory: Laboratory,
        lease: KeptLease,
        root: Path,
        home: Path,
    ) -> None:
        self.campaign, self.campaign_id = campaign, campaign_id
        self.ledger, self.laboratory = ledger, laboratory
        self.root, self.home = root, home
        self._lease = lease
        self.imagination: dict[str, Imagination] = {}
        """The generator in use, by version, with what it has predicted."""
        self.measured: dict[str, MeasuredField] = {}
        """What this worker has measured already, by the checksum of the field: more fields come in looks."""

    @property
    def lease(self) -> Lease:
        """The lease, for every write. Errors: :class:`campaigns.ledger.LeaseLost`."""
        return self._lease.current

    @property
    def record(self) -> CampaignRecord:
        """The campaign's row as it is now."""
        return self.ledger.campaign(self.campaign_id)

    @property
    def running(self) -> bool:
        """Whether the campaign is to go on: neither ended, nor paused, nor waiting for a person."""
        return self.record.status is CampaignState.RUNNING

    def experiments(self) -> tuple[ExperimentRecord, ...]:
        """All experiments so far, by index."""
        return self.ledger.experiments(self.campaign_id)

    def under_way(self) -> ExperimentRecord | None:
        """The experiment that is not finished, if there is one."""
        return next((one for one in self.experiments() if one.state not in FINAL_STATES), None)

    def observations(self) -> list[Observation]:
        """Everything that was measured and accepted, in order."""
        return [
            Observation(one.conditions, {m.descriptor: m.interval for m in self.ledger.measurements(one.id)})
            for one in self.experiments()
            if one.state in (State.ACCEPTED, State.LEARNED)
        ]

    def move(self, experiment: ExperimentRecord, to: State, reason: str, **facts: object) -> ExperimentRecord:
        """Move an experiment on, if it still is where it was read."""
        return self.ledger.transition(
            experiment.id,
            experiment.state,
            to,
            author=AUTHOR,
            reason=reason,
            lease=self.lease,
            revision=experiment.revision,
            **facts,
        )

    def wait(self, reason: str) -> None:
        """Have the campaign wait for a person."""
        if self.running:
            self._set_status(CampaignState.WAITING, reason)
            self.announce("waits for a person", reason)

    def pause_for(self, seconds: float) -> None:
        """Let time go by in a real lab before something is tried again; less, if the campaign is stopped."""
        deadline = time.monotonic() + (0.0 if self.ledger.simulated else seconds)
        while (left := deadline - time.monotonic()) > 0 and self.running:
            time.sleep(min(left, PATIENCE_S))

    def end(self, status: CampaignState, reason: str) -> None:
        """End the campaign for good."""
        if self.running:
            self._set_status(status, reason)
            self.announce(f"has ended: {status}", reason)

    def _set_status(self, status: CampaignState, reason: str) -> None:
        self.ledger.set_status(
            self.campaign_id,
            CampaignState.RUNNING,
            status,
            author=AUTHOR,
            reason=reason,
            lease=self.lease,
        )

    def announce(self, what: str, text: str) -> None:
        """Tell people who are elsewhere, if addresses are set (:mod:`flows.notifying`)."""
        kind = " (simulated lab)" if self.ledger.simulated else ""
        notify(f"{self.campaign_id} {what}{kind}", text)

    def seed(self, experiment: ExperimentRecord | int, purpose: str) -> int:
        """The seed of one purpose of one experiment."""
        index = experiment if isinstance(experiment, int) else experiment.index
        return derive(self.campaign.seed, index, purpose)

    def tell(
        self, step: str, text: str = "", experiment: ExperimentRecord | int = 0, done: int = 0, total: int = 0
    ) -> None:
        """Say what is going on."""
        index = experiment if isinstance(experiment, int) else experiment.index
        subject = self.campaign_id if isinstance(experiment, int) else experiment.id
        tell(Event(step, text, index, self.campaign.budget.experiments, done, total, subject))
