"""Campaigns: how they stand, starting them, and steering them."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from campaigns.ledger import CampaignRecord, ExperimentRecord, Ledger, NotFound, ledgers
from dashboard.acts import Acts
from dashboard.api.access import Doing, Reader, Runner
from dashboard.api.values import Answer, Because, Body, PerhapsBecause, Whole
from dashboard.reports import report_page
from dashboard.worker import Worker

router = APIRouter(prefix="/campaigns", tags=["campaigns"])

After = Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before; 0 begins.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Rows of a page.")]


class Headline(Answer):
    """A campaign in one row."""

    campaign: str
    name: str
    seed: int
    simulated: bool
    status: str
    reason: str
    virtual_hours: float
    seconds: float
    updated: str


class Headlines(Answer):
    """All campaigns, the newest first."""

    campaigns: list[Headline]


class Files(Answer):
    """Campaign files that lie ready to be started, by name."""

    files: list[str]


class Start(Body):
    """Which file to start, with what in place of its own."""

    file: Annotated[str, Field(min_length=1, max_length=200)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    iterations: Annotated[int, Field(ge=1, le=10_000)] | None = None


class StartedAnswer(Answer):
    """A campaign that is starting: it shows among the campaigns, by name and seed, in a few seconds."""

    name: str
    seed: int
    simulated: bool


class Moved(Answer):
    """A campaign after it was paused, resumed or aborted."""

    campaign: str
    status: str
    reason: str


class Experiments(Answer):
    """A page of experiments, as in the status of the campaign; ``next`` is null on the last page."""

    experiments: list[dict[str, Any]]
    next: int | None


@router.get("")
def all_campaigns(visitor: Reader, acts: Doing) -> Headlines:
    """All campaigns, the newest first."""
    with ledgers(acts.home) as opened:
        found = [record for ledger in opened for record in ledger.campaigns()]
    found.sort(key=lambda record: record.created_at, reverse=True)
    return Headlines(campaigns=[_headline(record) for record in found])


@router.get("/files")
def files(visitor: Reader, acts: Doing) -> Files:
    """The campaign files that may be started."""
    return Files(files=sorted(acts.starter.files()))


@router.post("", status_code=202)
def start(visitor: Runner, acts: Doing, body: Start) -> StartedAnswer:
    """Start a campaign from a file that lies ready, in a process of its own."""
    started = acts.start(visitor.person, body.file, seed=body.seed, iterations=body.iterations)
    return StartedAnswer(name=started.name, seed=started.seed, simulated=started.simulated)


@router.get("/{campaign_id}")
def status(visitor: Reader, acts: Doing, campaign_id: str) -> dict[str, Any]:
    """How a campaign stands: the object of `morpholoop campaign status --json`."""
    with acts.campaign(campaign_id) as (ledger, record):
        return ledger.status(record.id).as_json()


@router.get("/{campaign_id}/report", response_class=Response)
async def campaign_report(request: Request, visitor: Reader, acts: Doing, campaign_id: str) -> Response:
    """The report as it stands, or as it was written at the end: one HTML file that loads nothing."""
    record = await asyncio.to_thread(_record, acts, campaign_id)
    worker: Worker = request.app.state.worker
    return await report_page(worker, acts.home, record)


@router.get("/{campaign_id}/experiments")
def experiments(
    visitor: Reader, acts: Doing, campaign_id: str, after: After = 0, limit: Limit = 50
) -> Experiments:
    """Experiments by index, a page at a time."""
    with acts.campaign(campaign_id) as (ledger, record):
        rows = [one for one in ledger.status(record.id).as_json()["iterations"] if one["index"] > after]
    return Experiments(experiments=rows[:limit], next=_next([one["index"] for one in rows], limit))


@router.get("/{campaign_id}/experiments/{index}")
def experiment(visitor: Reader, acts: Doing, campaign_id: str, index: Whole) -> dict[str, Any]:
    """One experiment with its history and micrographs."""
    from dashboard.api.micrographs import told

    with acts.campaign(campaign_id) as (ledger, record):
        found = one_experiment(ledger, record, index)
        iterations = ledger.status(record.id).as_json()["iterations"]
        return {
            **next(one for one in iterations if one["index"] == index),
            "history": [
                {"at": row.at, "state": row.to_state, "author": row.author, "reason": row.reason}
                for row in ledger.history(record.id, found.id)
            ],
            "micrographs": [told(record.id, index, one).model_dump() for one in ledger.micrographs(found.id)],
        }


@router.post("/{campaign_id}/pause")
def pause(visitor: Runner, acts: Doing, campaign_id: str, body: Because) -> Moved:
    """Have a campaign stop after the step that it is in."""
    return _moved(acts.pause(visitor.person, campaign_id, body.reason))


@router.post("/{campaign_id}/resume")
def resume(visitor: Runner, acts: Doing, campaign_id: str, body: PerhapsBecause) -> Moved:
    """Let a campaign go on."""
    return _moved(acts.resume(visitor.person, campaign_id, body.reason))


@router.post("/{campaign_id}/abort")
def abort(visitor: Runner, acts: Doing, campaign_id: str, body: Because) -> Moved:
    """End a campaign for good; a reactor that runs for it is brought to its safe state."""
    return _moved(acts.abort(visitor.person, campaign_id, body.reason))


def one_experiment(ledger: Ledger, record: CampaignRecord, index: int) -> ExperimentRecord:
    """An experiment by its index. Errors: :class:`NotFound`."""
    found = next((one for one in ledger.experiments(record.id) if one.index == index), None)
    if found is None:
        raise NotFound(f"The campaign {record.id} has no experiment {index}.")
    return found


def _next(keys: Sequence[int], limit: int) -> int | None:
    return keys[limit - 1] if len(keys) > limit else None


def _record(acts: Acts, campaign_id: str) -> CampaignRecord:
    with acts.campaign(campaign_id) as (_, record):
        return record


def _headline(record: CampaignRecord) -> Headline:
    return Headline(
        campaign=record.id,
        name=record.name,
        seed=record.seed,
        simulated=record.simulated,
        status=str(record.status),
        reason=record.reason,
        virtual_hours=record.virtual_hours,
        seconds=record.seconds,
        updated=record.updated_at,
    )


def _moved(record: CampaignRecord) -> Moved:
    return Moved(campaign=record.id, status=str(record.status), reason=record.reason)
