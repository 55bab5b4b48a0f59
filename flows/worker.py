"""What one run of the campaign flow works with: the campaign, its ledger, its laboratory, its lease."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
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
from flows.turns import Turns
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
        self.turns = Turns(laboratory.clock)
        self.in_hand: set[str] = set()
        """The experiments that are being driven."""
        self.reactors: dict[str, str] = {}
        """The reactor that an experiment has."""
        self.asked: list[str] = []
        """What a person has to decide before anything else is proposed."""
        self._parked: dict[str, tuple[int, str]] = {}
        self.broken = self.interrupted = False
        """Whether nothing new is to be begun because something failed; and whether all is to end now."""
        self._lap = time.monotonic()

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
        return not self.interrupted and self.record.status is CampaignState.RUNNING

    @property
    def in_flight(self) -> int:
        """How many experiments may be under way at once."""
        return self.campaign.budget.in_flight or len(self.laboratory.reactors)

    def on(self, experiment: ExperimentRecord) -> bool:
        """Whether an experiment is to go on: its campaign does, and it does not wait for a person itself."""
        return experiment.id not in self._parked and self.running

    def experiments(self) -> tuple[ExperimentRecord, ...]:
        """All experiments so far, by index."""
        return self.ledger.experiments(self.campaign_id)

    def under_way(self) -> list[ExperimentRecord]:
        """The experiments that are not finished."""
        return [one for one in self.experiments() if one.state not in FINAL_STATES]

    def due(self) -> ExperimentRecord | None:
        """The first experiment that can go on and that nobody drives."""
        under_way = {one.id: one for one in self.under_way()}
        for name, (revision, _) in list(self._parked.items()):
            # Somebody has decided meanwhile.
            if name not in under_way or under_way[name].revision != revision:
                del self._parked[name]
        free = (one for one in under_way.values() if one.id not in self._parked)
        return next((one for one in free if one.id not in self.in_hand), None)

    @contextmanager
    def driving(self, experiment: ExperimentRecord) -> Iterator[None]:
        """Drive an experiment within this context; nobody else does."""
        self.in_hand.add(experiment.id)
        try:
            yield
        finally:
            self.in_hand.discard(experiment.id)
            self.turns.changed()

    def accepted(self) -> list[ExperimentRecord]:
        """The experiments whose measurement was accepted, in the order in which it was."""
        found = [one for one in self.experiments() if one.state in (State.ACCEPTED, State.LEARNED)]
        if self.in_flight == 1:
            return found
        moves = {
            row.experiment_id: row.id
            for row in self.ledger.history(self.campaign_id)
            if row.to_state == State.ACCEPTED
        }
        return sorted(found, key=lambda one: moves[one.id])

    def observations(self) -> list[Observation]:
        """Everything that was measured and accepted, in order."""
        return [
            Observation(one.conditions, {m.descriptor: m.interval for m in self.ledger.measurements(one.id)})
            for one in self.experiments()
            if one.state in (State.ACCEPTED, State.LEARNED)
        ]

    def pending(self) -> list[Observation]:
        """What is under way and not accepted yet, with what is predicted of it."""
        return [
            Observation(
                one.conditions,
                {p.descriptor: p.estimate for p in self.ledger.predictions(one.id)},
                pending=True,
            )
            for one in self.under_way()
            if one.state is not State.ACCEPTED
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

    def wait(self, reason: str, experiment: ExperimentRecord | None = None) -> None:
        """Leave something to a person: an experiment, or (None) whether anything else is to be begun.

        What else is under way goes on; when nothing is, the campaign waits (:meth:`wait_for_person`).
        """
        if experiment is None:
            self.asked.append(reason)
        else:
            self._parked[experiment.id] = experiment.revision, reason
        if self.running:
            self.announce("waits for a person", reason)

    def wait_for_person(self) -> None:
        """Have the campaign wait, for the reasons that there are."""
        reasons = [*self.asked, *(reason for _, reason in self._parked.values())]
        if self.running:
            self._set_status(CampaignState.WAITING, " ".join(reasons))

    def pause_for(self, seconds: float) -> None:
        """Let time go by in a real lab before something is tried again; less, if the campaign is stopped."""
        deadline = time.monotonic() + (0.0 if self.ledger.simulated else seconds)
        while (left := deadline - time.monotonic()) > 0 and self.running:
            self.turns.pause(min(left, PATIENCE_S))

    def add_time(self) -> None:
        """Note how far the lab's clock is, and the seconds that were worked since this was called last."""
        now = time.monotonic()
        self.ledger.add_time(
            self.campaign_id, virtual_hours=self.laboratory.clock.hours(), seconds=now - self._lap
        )
        self._lap = now

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
