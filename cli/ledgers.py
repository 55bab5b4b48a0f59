"""Finding campaigns in the ledgers of a state directory: the real lab's, and the simulated labs'."""

from collections.abc import Iterator
from contextlib import contextmanager

from campaigns import ledger as store
from campaigns.ledger import CampaignRecord, ExperimentRecord, Ledger, NotFound
from models.errors import UnusableInput
from models.home import state_directory


@contextmanager
def ledgers() -> Iterator[tuple[Ledger, ...]]:
    """The ledgers that there are; none is made."""
    with store.ledgers(state_directory(create=False)) as opened:
        yield opened


@contextmanager
def the_campaign(campaign_id: str | None) -> Iterator[tuple[Ledger, CampaignRecord]]:
    """A campaign by its id, or the newest one. Errors: :class:`UnusableInput` naming those there are."""
    with ledgers() as opened:
        known = [(ledger, one) for ledger in opened for one in ledger.campaigns()]
        known.sort(key=lambda pair: pair[1].created_at, reverse=True)
        for ledger, record in known:
            if campaign_id in (None, record.id):
                yield ledger, record
                return
    home = state_directory(create=False)
    if not known:
        raise UnusableInput(
            f"There is no campaign in {home} yet; start one with `morpholoop dry-run CAMPAIGN.yaml`."
        )
    names = ", ".join(record.id for _, record in known[:5])
    raise UnusableInput(f"There is no campaign {campaign_id} in {home}; the latest are {names}.")


@contextmanager
def the_experiment(experiment_id: str) -> Iterator[tuple[Ledger, ExperimentRecord]]:
    """An experiment by its id. Errors: :class:`UnusableInput`."""
    with ledgers() as opened:
        for ledger in opened:
            try:
                experiment = ledger.experiment(experiment_id)
            except NotFound:
                continue
            yield ledger, experiment
            return
    raise UnusableInput(
        f"There is no experiment {experiment_id}; `morpholoop approvals list` shows those that wait."
    )


def person() -> str:
    """Who is at the keyboard, as the operating system knows them."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown user"
    return f"{user}@{socket.gethostname()}"
