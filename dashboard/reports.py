"""A campaign's report as a page: as it stands, or as it was written at the end."""

from pathlib import Path

from fastapi.responses import FileResponse, HTMLResponse, Response

from campaigns.ledger import FINAL_STATUSES, CampaignRecord
from dashboard.computed import report_now
from dashboard.worker import Worker

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'none'"
}


async def report_page(worker: Worker, home: Path, record: CampaignRecord) -> Response:
    """One HTML file that loads nothing; drawn beside the server: hundreds of experiments take a minute."""
    if record.status in FINAL_STATUSES and Path(record.report).is_file():
        return FileResponse(record.report, media_type="text/html", headers=_HEADERS)
    page = await worker.ask(report_now, home, record.id, record.simulated)
    return HTMLResponse(page, headers=_HEADERS)
