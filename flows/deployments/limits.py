"""Concurrency limits of Prefect's, named after a lab's devices: one more fence, and a view of who uses what.

A limit ``LAB-DEVICE`` (such as ``our-lab-reactor``) that somebody made (``prefect gcl create``) is held while
the device is used, and is free again some time after its holder died. Without one there is nothing to hold.
Whether a device may be used at all is decided elsewhere: by the ledger's queue and by the device.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound

from flows.deployments.this_run import courtesy, deployed_run, key_of

HELD_S = 60.0
"""How long after its holder's death a limit is free again."""


@contextmanager
def device(lab: str, name: str) -> Iterator[None]:
    """Hold the limit of a device within this context, where the run was deployed and there is one."""
    limit = f"{key_of(lab)}-{name}"
    held = ExitStack()
    if deployed_run() is not None:
        with courtesy(f"the limit {limit} is not held"):
            try:
                with get_client(sync_client=True) as client:
                    client.read_global_concurrency_limit_by_name(limit)
                held.enter_context(
                    concurrency(limit, lease_duration=HELD_S, raise_on_lease_renewal_failure=False)
                )
            except ObjectNotFound:
                pass
    try:
        yield
    finally:
        with courtesy(f"the limit {limit} is free in {HELD_S:.0f} s"):
            held.close()
