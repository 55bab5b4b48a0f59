"""What a campaign shows in Prefect's UI: a table of its iterations, its last micrograph, and its report."""

import base64
import io
import os
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from prefect.artifacts import create_image_artifact, create_link_artifact, create_markdown_artifact

from campaigns.ledger import CampaignStatus, IterationStatus, Ledger
from campaigns.report import overlay_path
from flows.deployments.this_run import courtesy, deployed_run, key_of

DASHBOARD = "MORPHOLOOP_DASHBOARD_URL"
THUMBNAIL = (480, 360)


def show_iterations(ledger: Ledger, campaign_id: str) -> None:
    """Show how a campaign stands, if this run was deployed: the table, and the last segmented micrograph."""
    if deployed_run() is None:
        return
    status = ledger.status(campaign_id)
    key = key_of(campaign_id)
    with courtesy("the table of iterations is not shown"):
        create_markdown_artifact(table(status), key=f"{key}-iterations", description=f"{status.campaign}")
        picture = _last_picture(ledger, status)
        if picture is not None:
            create_image_artifact(
                thumbnail(picture), key=f"{key}-micrograph", description=f"{status.iterations[-1].experiment}"
            )


def show_report(status: CampaignStatus) -> None:
    """Link the report, if this run was deployed; through the dashboard where its address is known."""
    if deployed_run() is None:
        return
    with courtesy("the report is not linked"):
        create_link_artifact(
            report_link(status),
            link_text=f"Report of {status.campaign}",
            key=f"{key_of(status.campaign)}-report",
        )


def report_link(status: CampaignStatus) -> str:
    """Where a browser finds the report."""
    dashboard = os.environ.get(DASHBOARD)
    if dashboard:
        return f"{dashboard.rstrip('/')}/api/campaigns/{status.campaign}/report"
    return Path(status.report).absolute().as_uri()


def table(status: CampaignStatus) -> str:
    """A campaign's iterations in Markdown: predicted, measured with its interval, and the target."""
    simulated = " **SIMULATED**" if status.simulated else ""
    lines = [
        f"# {status.campaign}{simulated}",
        "",
        f"{status.status}: {status.reason}" if status.reason else str(status.status),
        "",
        "| # | state | conditions | predicted | measured | target | fields | model |",
        "|--:|---|---|---|---|---|--:|---|",
    ]
    lines += [
        f"| {one.index} | {one.state} | {_conditions(one)} | {_predicted(one)} | {_measured(one)} "
        f"| {_wanted(one)} | {one.fields} | {one.model} |"
        for one in status.iterations
    ]
    return "\n".join(lines)


def _conditions(one: IterationStatus) -> str:
    return _lines({name: f"{value} {one.units.get(name, '')}" for name, value in one.conditions.items()})


def _predicted(one: IterationStatus) -> str:
    return _lines(
        {name: f"{_n(value.mean)} ± {_n(value.sd)} {value.unit}" for name, value in one.predicted.items()}
    )


def _measured(one: IterationStatus) -> str:
    return _lines(
        {
            name: f"{_n(value.value)} [{_n(value.ci[0])}, {_n(value.ci[1])}] {value.unit}"
            for name, value in one.measured.items()
            if name in one.target
        }
    )


def _wanted(one: IterationStatus) -> str:
    said = {}
    for name, wanted in one.target.items():
        low, high = _n(wanted.low), _n(wanted.high)
        span = low if wanted.low == wanted.high else f"{low} to {high}"
        said[name] = f"{span} (± {_n(wanted.tolerance)}) {wanted.unit}"
    return _lines(said)


def _lines(said: Mapping[str, str]) -> str:
    return "<br>".join(f"{name} {text.strip()}" for name, text in said.items())


def _n(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _last_picture(ledger: Ledger, status: CampaignStatus) -> Path | None:
    """The overlay of the newest experiment that has one."""
    for one in reversed(status.iterations):
        for micrograph in ledger.micrographs(one.experiment, kind="measured"):
            path = overlay_path(micrograph)
            if path.exists():
                return path
    return None


def thumbnail(path: Path) -> str:
    """A picture as a small data URL, so that Prefect's UI needs no way to the lab's files."""
    with Image.open(path) as picture:
        small = picture.convert("RGB")
        small.thumbnail(THUMBNAIL)
    content = io.BytesIO()
    small.save(content, "JPEG", quality=75)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()
