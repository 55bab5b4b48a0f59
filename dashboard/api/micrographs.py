"""Micrographs of an experiment: rows, pictures, files, and leaving one out."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from campaigns.ledger import Ledger, Micrograph, NotFound
from campaigns.report import overlay_path
from dashboard.acts import Acts
from dashboard.api.access import Doing, Reader, Rejecter
from dashboard.api.campaigns import After, Limit, one_experiment
from dashboard.api.values import Answer, Because, Whole

router = APIRouter(prefix="/campaigns/{campaign_id}/experiments/{index}/micrographs", tags=["micrographs"])

Checksum = Annotated[str, InPath(pattern="^[0-9a-f]{64}$", description="SHA-256 of the stored file.")]


class MicrographRow(Answer):
    """An image: measured, rejected or predicted; ``picture`` is null where nothing was drawn of it."""

    kind: str
    magnification: float
    field: int
    pixel_size_um: float
    sha256: str
    acquired_at: str
    picture: str | None
    file: str


class Micrographs(Answer):
    """A page of micrographs; ``next`` is null on the last page."""

    micrographs: list[MicrographRow]
    next: int | None


@router.get("")
def rows(
    visitor: Reader, acts: Doing, campaign_id: str, index: Whole, after: After = 0, limit: Limit = 100
) -> Micrographs:
    """Images of an experiment, by kind, magnification and field; ``after`` counts rows."""
    with acts.campaign(campaign_id) as (ledger, record):
        found = ledger.micrographs(one_experiment(ledger, record, index).id)
    page = found[after : after + limit]
    more = after + limit if after + limit < len(found) else None
    return Micrographs(micrographs=[told(campaign_id, index, one) for one in page], next=more)


@router.get("/{sha256}/picture", response_class=FileResponse)
def picture(visitor: Reader, acts: Doing, campaign_id: str, index: Whole, sha256: Checksum) -> FileResponse:
    """A PNG: a predicted image, or a measured one with what was segmented."""
    return _sent(shown(_found(acts, campaign_id, index, sha256)), "image/png")


@router.get("/{sha256}/file", response_class=FileResponse)
def file(visitor: Reader, acts: Doing, campaign_id: str, index: Whole, sha256: Checksum) -> FileResponse:
    """The stored file itself."""
    found = _found(acts, campaign_id, index, sha256)
    return _sent(found.path, "application/octet-stream", f"{sha256}{found.path.suffix}")


@router.post("/{sha256}/reject", status_code=204)
def reject(
    visitor: Rejecter, acts: Doing, campaign_id: str, index: Whole, sha256: Checksum, body: Because
) -> None:
    """Have a measured field left out: while it is imaged another is taken, later it is measured anew."""
    with acts.campaign(campaign_id) as (ledger, record):
        experiment = one_experiment(ledger, record, index)
    acts.reject_field(visitor.person, experiment.id, sha256, body.reason)


def told(campaign_id: str, index: int, one: Micrograph) -> MicrographRow:
    """A micrograph as a row; addresses begin at the API."""
    here = f"/campaigns/{quote(campaign_id)}/experiments/{index}/micrographs/{one.sha256}"
    return MicrographRow(
        kind=one.kind,
        magnification=one.magnification,
        field=one.field,
        pixel_size_um=one.pixel_size_um,
        sha256=one.sha256,
        acquired_at=one.acquired_at,
        picture=f"{here}/picture" if shown(one).is_file() else None,
        file=f"{here}/file",
    )


def shown(micrograph: Micrograph) -> Path:
    """The PNG of a micrograph: predicted ones are PNG, of measured ones there is the overlay."""
    return micrograph.path if micrograph.kind == "predicted" else overlay_path(micrograph)


def _found(acts: Acts, campaign_id: str, index: int, sha256: str) -> Micrograph:
    """Only what the ledger names is served."""
    with acts.campaign(campaign_id) as (ledger, record):
        return _of(ledger, one_experiment(ledger, record, index).id, sha256)


def _of(ledger: Ledger, experiment_id: str, sha256: str) -> Micrograph:
    for one in ledger.micrographs(experiment_id):
        if one.sha256 == sha256:
            return one
    raise NotFound(f"The experiment {experiment_id} has no micrograph {sha256[:12]}….")


def _sent(path: Path, media_type: str, name: str | None = None) -> FileResponse:
    if not path.is_file():
        raise NotFound("That file is not there (any more).")
    return FileResponse(path, media_type=media_type, filename=name)
