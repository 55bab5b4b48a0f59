"""The operator's window: campaigns as they stand, read-only, as pages and as JSON.

Nothing can be approved or changed here: that takes authenticated operators.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse

from campaigns import report
from campaigns.ledger import CampaignRecord, Ledger, Micrograph, NotFound, ledger_path
from campaigns.report import overlay_path
from dashboard.pages import campaign_page, index_page

# The pages carry everything they need; the browser is told to load nothing from elsewhere.
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"}


def create_app(home: Path) -> FastAPI:
    """The dashboard over the ledgers of a state directory; both kinds of lab are shown, and said."""
    app = FastAPI(title="morpholoop", docs_url=None, redoc_url=None, openapi_url=None)
    source = _Source(home)

    @app.get("/", response_class=HTMLResponse)
    def index() -> HTMLResponse:
        return HTMLResponse(index_page(source.campaigns()), headers=_HEADERS)

    @app.get("/campaigns/{campaign_id}", response_class=HTMLResponse)
    def campaign(campaign_id: str) -> HTMLResponse:
        with source.campaign(campaign_id) as (ledger, record):
            return HTMLResponse(campaign_page(report.html(ledger, record.id), record), headers=_HEADERS)

    @app.get("/api/campaigns")
    def campaigns() -> dict[str, Any]:
        return {"campaigns": [_headline(record) for record in source.campaigns()]}

    @app.get("/api/campaigns/{campaign_id}")
    def status(campaign_id: str) -> dict[str, Any]:
        with source.campaign(campaign_id) as (ledger, record):
            return ledger.status(record.id).as_json()

    @app.get("/api/campaigns/{campaign_id}/experiments/{index}")
    def experiment(campaign_id: str, index: int) -> dict[str, Any]:
        with source.campaign(campaign_id) as (ledger, record):
            found = next((one for one in ledger.experiments(record.id) if one.index == index), None)
            if found is None:
                raise HTTPException(404, f"The campaign {campaign_id} has no experiment {index}.")
            iteration = next(
                one for one in ledger.status(record.id).as_json()["iterations"] if one["index"] == index
            )
            moves = ledger.history(record.id, found.id)
            return {
                **iteration,
                "history": [
                    {"at": row.at, "state": row.to_state, "author": row.author, "reason": row.reason}
                    for row in moves
                ],
                "micrographs": [_picture(campaign_id, one) for one in ledger.micrographs(found.id)],
            }

    @app.get("/campaigns/{campaign_id}/pictures/{sha256}.png")
    def picture(campaign_id: str, sha256: str) -> FileResponse:
        """The picture of a micrograph of this campaign; only what its ledger names is served."""
        with source.campaign(campaign_id) as (ledger, record):
            for one in ledger.experiments(record.id):
                for micrograph in ledger.micrographs(one.id):
                    if micrograph.sha256 == sha256 and _shown(micrograph).is_file():
                        return FileResponse(_shown(micrograph), media_type="image/png")
        raise HTTPException(404, "There is no picture of that micrograph.")

    return app


class _Source:
    """The ledgers, opened anew for each request: a campaign may begin while the dashboard runs."""

    def __init__(self, home: Path) -> None:
        self._home = home

    @contextmanager
    def _ledgers(self) -> Iterator[list[Ledger]]:
        opened: list[Ledger] = []
        try:
            for simulated in (False, True):
                path = ledger_path(self._home, simulated=simulated)
                if path.exists():
                    opened.append(Ledger.open(path, simulated=simulated))
            yield opened
        finally:
            for ledger in opened:
                ledger.close()

    def campaigns(self) -> list[CampaignRecord]:
        """All campaigns, the newest first."""
        with self._ledgers() as ledgers:
            found = [record for ledger in ledgers for record in ledger.campaigns()]
        return sorted(found, key=lambda record: record.created_at, reverse=True)

    @contextmanager
    def campaign(self, campaign_id: str) -> Iterator[tuple[Ledger, CampaignRecord]]:
        """A campaign with its ledger; 404 when there is none."""
        with self._ledgers() as ledgers:
            for ledger in ledgers:
                try:
                    record = ledger.campaign(campaign_id)
                except NotFound:
                    continue
                yield ledger, record
                return
        raise HTTPException(404, f"There is no campaign {campaign_id}.")


def _headline(record: CampaignRecord) -> dict[str, Any]:
    return {
        "campaign": record.id,
        "name": record.name,
        "seed": record.seed,
        "simulated": record.simulated,
        "status": str(record.status),
        "reason": record.reason,
        "virtual_hours": record.virtual_hours,
        "seconds": record.seconds,
        "updated": record.updated_at,
    }


def _picture(campaign_id: str, micrograph: Micrograph) -> dict[str, Any]:
    shown = _shown(micrograph).is_file()
    return {
        "kind": micrograph.kind,
        "magnification": micrograph.magnification,
        "field": micrograph.field,
        "pixel_size_um": micrograph.pixel_size_um,
        "sha256": micrograph.sha256,
        "picture": f"/campaigns/{campaign_id}/pictures/{micrograph.sha256}.png" if shown else None,
    }


def _shown(micrograph: Micrograph) -> Path:
    """The PNG of a micrograph: predicted ones are PNG, of measured ones there is the overlay."""
    return micrograph.path if micrograph.kind == "predicted" else overlay_path(micrograph)
