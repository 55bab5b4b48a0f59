"""Prefect's settings for a machine with no server configured: state kept inside, no connection leaves it."""

import os

from models.home import state_directory


def prepare() -> None:
    """Set Prefect's environment, as it must be before Prefect is imported; what the user has set stays.

    Errors: none; nothing is created here.
    """
    prefect_home = state_directory(create=False) / "prefect"
    if not os.environ.get("PREFECT_API_URL"):
        # Without a server of the user's, whoever called the flow gets its errors, once.
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    for name, value in {
        "PREFECT_HOME": str(prefect_home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        # The model hub is asked for nothing during a campaign: weights are local.
        "HF_HUB_OFFLINE": "1",
    }.items():
        os.environ.setdefault(name, value)
