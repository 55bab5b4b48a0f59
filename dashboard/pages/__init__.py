"""The pages, one module each; ``register`` has NiceGUI serve them all."""

from dashboard.desk import Desk
from dashboard.pages import (
    approvals,
    audit,
    campaign,
    campaigns,
    explore,
    lab,
    micrographs,
    models,
    people,
    proposal,
)


def register(desk: Desk) -> None:
    """Have NiceGUI serve every page over this desk; it keeps pages for the whole process."""
    for module in (
        lab,
        campaigns,
        campaign,
        approvals,
        proposal,
        micrographs,
        models,
        explore,
        audit,
        people,
    ):
        module.register(desk)
