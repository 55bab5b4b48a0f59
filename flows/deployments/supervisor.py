"""Campaigns are gone on with by themselves: after a crash, after a decision, after they were resumed.

Prefect restarts nothing here: its automation fires twice, and does not know who drives a campaign. This flow
looks into the ledgers every minute, and starts the flow run of a campaign that nobody drives although it
should go on. Whatever it gets wrong, the ledger's lease lets one worker drive a campaign and the device keeps
the dispatch key, so nothing is ever dispatched twice.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client

from campaigns.ledger import (
    FINAL_STATUSES,
    CampaignRecord,
    CampaignState,
    Ledger,
    StaleTransition,
    ledger_path,
    ledgers,
)
from campaigns.ledger.store import iso
from flows.deployments.flow_runs import Runs
from flows.lease import driven, last_renewed
from flows.opening import waits_by_itself
from flows.progress import warn
from models.home import state_directory

AUTHOR = "supervisor"
MOST_FAILURES = 5
"""Flow runs of one campaign that may fail, one after the other, before a person has to look."""
BACK_OFF_S = 30.0
"""How long after the first failure the next run begins; twice as long after each further one."""


@dataclass(frozen=True)
class Action:
    """What the supervisor did about a campaign, and why."""

    campaign: str
    what: str


@flow(name="supervisor", retries=0, persist_result=False)
def supervise() -> list[Action]:
    """Look after every campaign that was started through Prefect, once; the actions taken.

    Campaigns that were started on a command line are left to whoever gave the command.
    """
    home = state_directory()
    done: list[Action] = []
    long_ago = iso(datetime.now(UTC) - timedelta(days=1))
    with ledgers(home) as opened, get_client(sync_client=True) as client:
        for ledger in opened:
            folder = ledger_path(home, simulated=ledger.simulated).parent / "leases"
            for record in ledger.campaigns():
                if record.status in FINAL_STATUSES and record.updated_at < long_ago:
                    continue
                what = _look_after(ledger, record, client, folder)
                if what:
                    warn(f"{record.id}: {what}")
                    done.append(Action(record.id, what))
    return done


def _look_after(
    ledger: Ledger, record: CampaignRecord, client: SyncPrefectClient, folder: Path
) -> str | None:
    runs = Runs.of(client, record.id)
    if runs is None:
        return None
    now = datetime.now(UTC)
    if record.status in FINAL_STATUSES:
        return runs.close(record.status, datetime.fromisoformat(record.updated_at), now)
    if driven(ledger, record.id, folder, now) or runs.starting(now, last_renewed(ledger, record.id)):
        return None
    try:
        if record.status is CampaignState.WAITING:
            decided = freshly_decided(ledger, record)
            if decided is None:
                return None
            ledger.set_status(
                record.id, CampaignState.WAITING, CampaignState.RUNNING, author=AUTHOR, reason=decided
            )
            return f"{decided}; {runs.start()}"
        return _abandoned(ledger, record, runs, now)
    except StaleTransition:
        return None  # Somebody else acts on it at this moment.


def _abandoned(ledger: Ledger, record: CampaignRecord, runs: Runs, now: datetime) -> str | None:
    """Have a campaign that should run and is not driven go on, or wait for a person where that is no use."""
    if runs.cancelled:
        return _hand_over(
            ledger, record, "its flow run was cancelled in Prefect; resume the campaign to go on"
        )
    changed = [one.at for one in ledger.history(record.id) if one.experiment_id is None][-1]
    failures = runs.failures(datetime.fromisoformat(changed))
    if len(failures) >= MOST_FAILURES:
        return _hand_over(
            ledger,
            record,
            f"its last {len(failures)} flow runs failed, the last one because: {failures[0].message}; "
            "mend that and resume the campaign",
        )
    if failures and (now - failures[0].at).total_seconds() < BACK_OFF_S * 2 ** (len(failures) - 1):
        return None
    return f"nobody drives it; {runs.start()}"


def _hand_over(ledger: Ledger, record: CampaignRecord, reason: str) -> str:
    ledger.set_status(record.id, CampaignState.RUNNING, CampaignState.WAITING, author=AUTHOR, reason=reason)
    return f"waits for a person: {reason}"


def freshly_decided(ledger: Ledger, record: CampaignRecord) -> str | None:
    """What a person decided since the campaign's flow began to wait, in words; None: nothing.

    A campaign that a person paused goes on when a person resumes it, and not because something was decided.
    """
    if not waits_by_itself(ledger, record):
        return None
    history = ledger.history(record.id)
    began = max(place for place, one in enumerate(history) if one.experiment_id is None)
    flow = history[began].author
    for one in history[began + 1 :]:
        if one.author != flow:
            index = ledger.experiment(one.experiment_id or "").index
            return f"experiment {index} was {one.to_state} by {one.author}"
    return None
