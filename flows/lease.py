"""The right to drive a campaign: one worker at a time, and at once free again when its process dies."""

import contextvars
import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from campaigns.ledger import Lease, LeaseHeld, LeaseLost, Ledger, LedgerError
from flows.progress import warn

LEASE_S = 60.0
RENEW_S = 15.0
JUMP_S = 5.0
"""By how much the wall clock may differ from the time that passed before it is said."""


class KeptLease:
    """A lease that is renewed in the background until it is given back or lost."""

    def __init__(self, ledger: Ledger, lease: Lease) -> None:
        self._ledger, self._lease = ledger, lease
        self._ended = threading.Event()
        self._lost: LeaseLost | None = None
        # In this context, so that what it says is in the log of the run.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=lambda: context.run(self._renew), name="lease", daemon=True)
        self._thread.start()

    @property
    def current(self) -> Lease:
        """The lease, to be handed to every write. Errors: :class:`LeaseLost`."""
        if self._lost is not None:
            raise self._lost
        return self._lease

    def give_back(self) -> None:
        """Stop renewing and free the campaign for the next worker."""
        self._ended.set()
        self._thread.join()
        self._ledger.release_lease(self._lease)

    def _renew(self) -> None:
        wall, steady = time.time(), time.monotonic()
        while not self._ended.wait(RENEW_S):
            jumped = (time.time() - wall) - (time.monotonic() - steady)
            wall, steady = time.time(), time.monotonic()
            if abs(jumped) > JUMP_S:
                warn(
                    f"The clock of this machine jumped by {jumped:+.0f} s; the lease of "
                    f"{self._lease.campaign_id} is renewed, and approvals end by the new time."
                )
            try:
                self._lease = self._ledger.renew_lease(self._lease, seconds=LEASE_S)
            except LeaseLost as lost:
                self._lost = lost
                return
            except LedgerError as away:
                # Whoever takes the lease meanwhile wins: every write is checked against it.
                warn(f"The lease of {self._lease.campaign_id} could not be renewed: {away}")


@contextmanager
def kept_lease(ledger: Ledger, campaign_id: str, folder: Path) -> Iterator[KeptLease]:
    """Hold the lease of a campaign within this context.

    On one machine a file lock says who lives: the kernel frees it with its process, so that after a kill
    the same command goes on at once. Between machines the ledger's lease decides; a dead worker's runs out.
    Errors: :class:`LeaseHeld` while another worker drives the campaign.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{campaign_id}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise LeaseHeld(
                f"The campaign {campaign_id} is driven by another process of this machine"
                f"{_holder(lock.name)}; wait for it to end, or stop it."
            ) from held
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        # Named by machine: whoever has the file lock may take over what a dead process of this machine held.
        lease = ledger.acquire_lease(campaign_id, socket.gethostname(), seconds=LEASE_S)
        kept = KeptLease(ledger, lease)
        try:
            yield kept
        finally:
            kept.give_back()


def _holder(name: str) -> str:
    pid = Path(name).read_text().strip()
    return f" (process {pid})" if pid else ""


def driven(ledger: Ledger, campaign_id: str, folder: Path, now: datetime) -> bool:
    """Whether a worker drives the campaign, as far as can be told: its lease is in force, and it lives.

    On the lease's own machine a process that is gone is seen at once; elsewhere its lease has to run out.
    """
    lease = ledger.lease_of(campaign_id)
    if lease is None or lease.expires_at <= now.isoformat(timespec="microseconds"):
        return False
    if lease.holder != socket.gethostname():
        return True
    try:
        process = int((folder / f"{campaign_id}.lock").read_text())
        os.kill(process, 0)
    except (OSError, ValueError) as gone:
        # Nobody's process, or nobody's lock file: another machine of the same name, then.
        return not isinstance(gone, ProcessLookupError)
    return True


def last_renewed(ledger: Ledger, campaign_id: str) -> datetime | None:
    """When the lease of a campaign was taken or renewed last; None where it was given back."""
    lease = ledger.lease_of(campaign_id)
    return None if lease is None else datetime.fromisoformat(lease.expires_at) - timedelta(seconds=LEASE_S)
