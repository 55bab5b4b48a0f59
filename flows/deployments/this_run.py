"""The flow run that we are in: whether it was deployed, and to which campaign it is bound."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import prefect
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.context import FlowRunContext

from campaigns.ledger import CampaignRecord
from flows.progress import warn

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

PREFIX = "campaign:"


def deployed_run() -> "FlowRun | None":
    """This flow run, if it is one of a deployment."""
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    return run if run is not None and run.deployment_id is not None else None


def next_run() -> datetime | None:
    """When the deployment of this run is scheduled to run next (UTC); None: it was not deployed, or never."""
    run = deployed_run()
    if run is None or run.deployment_id is None:
        return None
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterExpectedStartTime,
    )
    from prefect.client.schemas.sorting import FlowRunSort

    with get_client(sync_client=True) as client:
        coming = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                expected_start_time=FlowRunFilterExpectedStartTime(after_=datetime.now(UTC))
            ),
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[run.deployment_id])),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=1,
        )
    return coming[0].expected_start_time if coming else None


def bound_campaign() -> str | None:
    """The campaign that this run goes on with, whatever its file says by now; None: it begins with its file.

    A run is bound by a tag when it opens a campaign, or from its start when the supervisor made it. So one
    that was suspended for a week comes back to its own campaign, even if the file was edited meanwhile.
    """
    run = deployed_run()
    return None if run is None else campaign_of(run.tags)


def campaign_of(tags: list[str]) -> str | None:
    """The campaign that a run with these tags is bound to."""
    return next((tag.removeprefix(PREFIX) for tag in tags if tag.startswith(PREFIX)), None)


def bind(record: CampaignRecord, lab: str) -> None:
    """Name and tag this run after its campaign, if it was deployed."""
    run = deployed_run()
    if run is None or campaign_of(run.tags) == record.id == run.name:
        return
    from prefect.client.orchestration import get_client

    tags = {*run.tags, PREFIX + record.id, "simulated" if record.simulated else "real", f"lab:{lab}"}
    with get_client(sync_client=True) as client:
        # Not by chance at the next start, but now: without the tag nobody would find this run's campaign.
        client.update_flow_run(run.id, name=record.id, tags=sorted(tags))
    run.tags, run.name = sorted(tags), record.id


@contextmanager
def tagged(*tags: str) -> Iterator[None]:
    """Within this context task runs carry these tags, if the run was deployed."""
    if deployed_run() is None:
        yield
        return
    with prefect.tags(*tags):
        yield


@contextmanager
def courtesy(what: str) -> Iterator[None]:
    """Within this context a Prefect server that is away is said, and is no reason to stop a campaign."""
    try:
        yield
    except (httpx.HTTPError, ConcurrencySlotAcquisitionError) as away:
        warn(f"Prefect's server is away ({away or type(away).__name__}): {what}; the campaign goes on.")


def key_of(text: str) -> str:
    """``text`` as Prefect wants keys and names: lower case, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
