"""Where the numbers of a report come from: versions, seeds, checksums."""

import hashlib
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from campaigns.ledger import CampaignRecord, Ledger
from campaigns.specification import Campaign

PACKAGES = ("torch", "diffusers", "scikit-image", "scikit-learn", "prefect", "bluesky", "numpy")


def provenance(ledger: Ledger, record: CampaignRecord, campaign: Campaign) -> tuple[tuple[str, str], ...]:
    """Label and text of everything that somebody needs to get the same numbers again."""
    checksums = [
        f"{one.magnification:g}x {one.kind} {one.field} {one.sha256}"
        for experiment in ledger.experiments(record.id)
        for one in ledger.micrographs(experiment.id)
    ]
    digest = hashlib.sha256("\n".join(checksums).encode()).hexdigest()
    return (
        ("campaign", f"{record.id} (file {record.name}, run {record.run})"),
        ("lab", f"{record.lab}{' (simulated)' if record.simulated else ''}"),
        ("seed", str(record.seed)),
        ("specification SHA-256", record.digest),
        ("micrographs", f"{len(checksums)} files; SHA-256 over their list {digest}"),
        ("approval policy", campaign.approval.policy),
        ("morpholoop", _own_version()),
        ("packages", ", ".join(f"{name} {_version(name)}" for name in PACKAGES)),
        ("machine", f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"),
        ("started (UTC)", record.created_at[:19].replace("T", " ")),
    )


def _own_version() -> str:
    """The installed version, and the commit where it runs from a checkout."""
    folder = Path(__file__).resolve().parent
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        found = ""
    return f"{_version('morpholoop')}{f' (commit {found})' if found else ''}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
