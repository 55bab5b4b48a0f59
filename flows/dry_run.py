"""A dry run on a schedule: does this installation still close the loop in the simulated lab?"""

from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from campaigns.ledger import CampaignState, CampaignStatus
from flows.campaign import campaign
from flows.opening import read_campaign, simulated_lab
from models.errors import UnusableInput


class NotConverged(Exception):  # noqa: N818
    """The campaign came to its end without meeting its target."""


@flow(name="dry run", retries=0, persist_result=False)
def dry_run(
    campaign_file: Path,
    seed: Annotated[int | None, Field(ge=0, lt=2**31)] = None,
    iterations: Annotated[int | None, Field(ge=1, le=10_000)] = None,
) -> CampaignStatus:
    """Run a campaign in its simulated lab from its start, and fail unless it converges.

    Args:
        campaign_file: campaign file (YAML) on the machine of the worker; its lab is a simulated one.
        seed: in place of the file's seed.
        iterations: most experiments, in place of the file's budget.

    Errors: :class:`UnusableInput` for a lab that is not simulated, :class:`NotConverged`.
    """
    read = read_campaign(campaign_file, seed, iterations)
    if not simulated_lab(read):
        raise UnusableInput(f"The lab of {campaign_file} is not simulated, so this would be no dry run.")
    # Within this run, and not as a run of its own: a subflow would have no deployment to be taken up by.
    status = campaign.fn(campaign_file, seed, iterations, fresh=True)
    if status.status is not CampaignState.CONVERGED:
        raise NotConverged(f"{status.campaign} is {status.status}: {status.reason}")
    return status
