"""Where the picture of what was segmented in a field of view is kept."""

from pathlib import Path

from campaigns.ledger import Micrograph


def overlay_path(micrograph: Micrograph) -> Path:
    """The overlay of a stored micrograph: beside the store of micrographs, under its checksum."""
    store = micrograph.path.parents[2]
    return store / "overlays" / micrograph.sha256[:2] / f"{micrograph.sha256}.png"
