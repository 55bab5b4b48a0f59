"""The report of a campaign: one self-contained HTML file.

``write(ledger, campaign_id, out)`` gathers what the ledger has (:mod:`campaigns.report.gather`) into plain
values (:mod:`campaigns.report.contents`) and renders them (:mod:`campaigns.report.page`).
"""

import os
import tempfile
from pathlib import Path

from campaigns.ledger import Ledger
from campaigns.report.overlays import overlay_path
from models.errors import UnusableInput

__all__ = ["html", "overlay_path", "write"]


def html(ledger: Ledger, campaign_id: str) -> str:
    """The report's page as it would be written now. Errors: :class:`campaigns.ledger.NotFound`."""
    from campaigns.report.gather import gather
    from campaigns.report.page import render

    contents, confidence = gather(ledger, campaign_id)
    return render(contents, confidence)


def write(ledger: Ledger, campaign_id: str, out: Path) -> Path:
    """Write the report to the file ``out`` (whole or not at all) and return its path.

    Errors: :class:`UnusableInput` when it cannot be written, :class:`campaigns.ledger.NotFound`.
    """
    page = html(ledger, campaign_id)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=out.parent, prefix=".report-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(page)
        os.chmod(name, 0o644)
        os.replace(name, out)
    except OSError as error:
        raise UnusableInput(
            f"The report {out} cannot be written ({error.strerror or error}); give another folder with --out."
        ) from error
    return out
