"""The flow runs of one campaign in Prefect, and starting another one."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Completed, Crashed, Scheduled

from campaigns.ledger import CampaignState
from flows.deployments.this_run import PREFIX

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

STARTING_S = {StateType.RUNNING: 60.0, StateType.PENDING: 300.0}
"""How long a run may be in a state before it drives its campaign; after that its process is dead."""
REPORTING_S = 300.0
"""How long a run may go on after its campaign has ended: it writes the report."""
NOT_BEGUN = (StateType.SCHEDULED, StateType.CANCELLING)
HANGING = (StateType.RUNNING, StateType.PENDING, StateType.PAUSED)


@dataclass(frozen=True)
class Failure:
    """When a flow run failed, and why."""

    at: datetime
    message: str


class Runs:
    """All flow runs that are bound to one campaign, the newest first; there is at least one."""

    def __init__(self, client: SyncPrefectClient, campaign_id: str, found: "list[FlowRun]") -> None:
        self._client, self._campaign_id, self._found = client, campaign_id, found
        self._newest = found[0]
        assert self._newest.state is not None
        self._state = self._newest.state

    @classmethod
    def of(cls, client: SyncPrefectClient, campaign_id: str) -> Self | None:
        """The runs of a campaign; None where it was not started by a deployment."""
        wanted = FlowRunFilter(tags=FlowRunFilterTags(all_=[PREFIX + campaign_id]))
        found = client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC)
        found = [one for one in found if one.deployment_id is not None and one.state is not None]
        return cls(client, campaign_id, found) if found else None

    @property
    def cancelled(self) -> bool:
        """Whether somebody cancelled the newest run."""
        return self._state.type is StateType.CANCELLED

    def starting(self, now: datetime, driven_until: datetime | None) -> bool:
        """Whether the newest run is about to drive its campaign, or to be cancelled.

        ``driven_until`` is when the campaign was last seen to be driven: a run that was running by then has
        driven it, and drives it no more.
        """
        if self._state.type in NOT_BEGUN:
            return True
        if driven_until is not None and driven_until > self._state.timestamp:
            return False
        allowed = STARTING_S.get(self._state.type)
        return allowed is not None and (now - self._state.timestamp).total_seconds() < allowed

    def failures(self, since: datetime) -> list[Failure]:
        """The newest runs as far as they failed one after the other since then, the newest first."""
        failed = []
        for run in self._found:
            state = run.state
            if state is None or state.type is not StateType.FAILED or state.timestamp < since:
                break
            failed.append(Failure(state.timestamp, " ".join((state.message or "it failed").split())))
        return failed

    def start(self) -> str:
        """Have the campaign gone on with: the run that was suspended, or another with the same parameters."""
        newest = self._newest
        if self._state.type is StateType.PAUSED:
            # Without the form's answer: the woken run finds in the ledger what it waited for.
            self._client.set_flow_run_state(newest.id, Scheduled(name="Resuming"))
            return f"its flow run {newest.name} was woken up"
        if self._state.type in HANGING:
            self._client.set_flow_run_state(
                newest.id, Crashed(message="its process is gone; another run goes on"), force=True
            )
        assert newest.deployment_id is not None
        made = self._client.create_flow_run_from_deployment(
            newest.deployment_id,
            parameters=newest.parameters,
            name=self._campaign_id,
            tags=newest.tags,
            # Two supervisors at once see the same number of runs, and make one between them.
            idempotency_key=f"{self._campaign_id}:{len(self._found)}",
        )
        return f"the flow run {made.id} goes on with it"

    def close(self, status: CampaignState, since: datetime, now: datetime) -> str | None:
        """End the runs of a campaign that has ended ``since`` then, and that nobody else would end."""
        writing = (now - since).total_seconds() < REPORTING_S
        hanging = [
            one
            for one in self._found
            if one.state is not None
            and one.state.type in HANGING
            and (one.state.type is StateType.PAUSED or not writing)
        ]
        for run in hanging:
            told = f"The campaign is {status}."
            self._client.set_flow_run_state(run.id, Completed(message=told), force=True)
        return f"it is {status}; {len(hanging)} flow runs of it were ended" if hanging else None
