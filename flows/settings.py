"""The environment of a flow: Prefect keeps its state inside and calls nobody; one thread per computation."""

import os
import warnings

from models.home import state_directory


def prepare() -> None:
    """Set the environment, as it must be before Prefect and torch are imported; what the user has set stays.

    Errors: none; nothing is created here.
    """
    # Prefect tries to make its folder as it is imported; `flows.server` makes it when a flow begins.
    warnings.filterwarnings("ignore", message="Failed to create the Prefect home directory")
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
        # Two torch threads that share their cores with anything else run many times slower than one.
        # The swarm and the gate use the cores by threads of their own.
        "OMP_NUM_THREADS": "1",
    }.items():
        os.environ.setdefault(name, value)
