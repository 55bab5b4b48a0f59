"""The report at the end of a run of the flow, and the status that comes with it."""

from pathlib import Path

from campaigns import report
from campaigns.ledger import CampaignStatus, Ledger, ledger_path
from flows.progress import Event, tell


def write_report(
    ledger: Ledger, campaign_id: str, home: Path, out: Path | None = None, *, only_missing: bool = False
) -> CampaignStatus:
    """Write the report into ``out`` (or the store's reports) and return the campaign's status.

    ``only_missing`` leaves a report alone that is there already.
    """
    record = ledger.campaign(campaign_id)
    folder = (
        out.absolute()
        if out is not None
        else ledger_path(home, simulated=record.simulated).parent / "reports"
    )
    target = folder / f"{campaign_id}.html"
    if not (only_missing and target.exists()):
        tell(Event("report", str(target)))
        report.write(ledger, campaign_id, target)
    ledger.set_report(campaign_id, str(target))
    return ledger.status(campaign_id)
