"""Opening a campaign: the file, its ledger, its laboratory and its lease, started anew or gone on with."""

import hashlib
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from campaigns.ledger import (
    FINAL_STATUSES,
    CampaignRecord,
    CampaignState,
    Ledger,
    has_ledger,
    ledger_location,
    ledger_path,
)
from campaigns.specification import Campaign, load
from campaigns.specification.lab import is_simulated
from devices.labfile import check_faults, load_lab
from devices.laboratory import Laboratory
from devices.limits import Limit, check_units
from flows.lease import kept_lease
from flows.references import references
from flows.seeds import derive
from flows.store import put_as
from flows.worker import AUTHOR, Worker
from models.errors import UnusableInput
from models.morphology import known_descriptors

PATIENCE_S = 300.0
"""How long a flow waits for a database that is locked or away before it gives up (nothing is lost then)."""


def read_campaign(
    file: Path, seed: int | None = None, iterations: int | None = None, faults: Path | None = None
) -> Campaign:
    """The campaign of a file, with another seed or number of experiments where given.

    With a scenario of ``faults`` it is another campaign, named after both.

    Errors: :class:`campaigns.specification.CampaignFileError` with every fault, :class:`UnusableInput`.
    """
    campaign = load(file)
    changes: dict[str, object] = {}
    if seed is not None:
        if not 0 <= seed < 2**31:
            raise UnusableInput(f"The seed {seed} cannot be used; give a whole number from 0 to 2147483647.")
        changes["seed"] = seed
    if iterations is not None:
        if iterations < 1:
            raise UnusableInput(f"{iterations} experiments cannot be done; give a whole number from 1 on.")
        changes["budget"] = campaign.budget.model_copy(update={"experiments": iterations})
    if faults is not None:
        check_faults(campaign.lab, faults)
        # By its content, so that a campaign is not gone on with under a scenario that was changed.
        digest = hashlib.sha256(faults.read_bytes()).hexdigest()
        scenario = re.sub(r"[^a-z0-9_-]+", "-", faults.stem.lower())
        changes["name"] = f"{campaign.name}-{scenario}-{digest[:6]}"
    return campaign.model_copy(update=changes)


def open_ledger(home: Path, *, simulated: bool) -> Ledger:
    """The ledger of a kind of lab, as a flow uses it: a database that is away for a while is waited for."""
    location = ledger_location(home, simulated=simulated)
    return Ledger.open(location, simulated=simulated, patience_s=PATIENCE_S)


def simulated_lab(campaign: Campaign) -> bool:
    """Whether the campaign's lab is a simulated one; a lab file that does not say counts as real."""
    return bool(is_simulated(campaign.lab))


@contextmanager
def at_hand(
    home: Path,
    campaign: Campaign | None,
    bound: str | None = None,
    *,
    fresh: bool = False,
) -> Iterator[tuple[Ledger, Campaign, CampaignRecord]]:
    """The ledger, specification and record of a campaign: the one that is bound, else that of the file.

    Errors: :class:`UnusableInput` when the bound campaign is in no ledger.
    """
    if bound is None:
        assert campaign is not None
        with open_ledger(home, simulated=simulated_lab(campaign)) as ledger:
            yield ledger, campaign, find_or_start(ledger, campaign, fresh=fresh)
        return
    for simulated in (True, False):
        if not has_ledger(home, simulated=simulated):
            continue
        with open_ledger(home, simulated=simulated) as ledger:
            record = next((one for one in ledger.campaigns() if one.id == bound), None)
            if record is not None:
                yield ledger, Campaign.from_json(record.specification), record
                return
    raise UnusableInput(f"There is no campaign {bound} in {home} any more; start one from its file.")


def waits_by_itself(ledger: Ledger, record: CampaignRecord) -> bool:
    """Whether the campaign waits because its flow had to, and not because a person paused it."""
    if record.status is not CampaignState.WAITING:
        return False
    last = [one for one in ledger.history(record.id) if one.experiment_id is None][-1]
    return last.author == AUTHOR


def find_or_start(ledger: Ledger, campaign: Campaign, *, fresh: bool) -> CampaignRecord:
    """The unfinished campaign of this file and seed to go on with, else the finished one, else a new one.

    ``fresh`` starts a new one in place of a finished one. Errors: :class:`UnusableInput`.
    """
    found = _to_go_on_with(ledger, campaign, fresh=fresh)
    if found is not None:
        return found
    descriptors = {name: descriptor.unit for name, descriptor in known_descriptors().items()}
    seen = {name: descriptors[name] for view in campaign.imaging.views for name in view.descriptors}
    targets = campaign.targets(references(campaign))
    with ledger.together():
        # Asked again, now that nobody else writes: two commands at once must not start two campaigns.
        return _to_go_on_with(ledger, campaign, fresh=fresh) or ledger.start_campaign(
            name=campaign.name,
            seed=campaign.seed,
            specification=campaign.to_json(),
            digest=campaign.digest(),
            lab=str(campaign.lab),
            targets=targets,
            units={**campaign.units(), **seen},
            author=AUTHOR,
        )


def _to_go_on_with(ledger: Ledger, campaign: Campaign, *, fresh: bool) -> CampaignRecord | None:
    unfinished = ledger.resumable(name=campaign.name, seed=campaign.seed, digest=campaign.digest())
    if unfinished is not None or fresh:
        return unfinished
    return finished(ledger, campaign)


def finished(ledger: Ledger, campaign: Campaign) -> CampaignRecord | None:
    """The last run of this file and seed, if it has come to its end."""
    digest = campaign.digest()
    same = [
        one
        for one in ledger.campaigns()
        if one.name == campaign.name and one.seed == campaign.seed and one.digest == digest
    ]
    last = max(same, key=lambda one: one.run, default=None)
    return last if last is not None and ended(last) else None


@contextmanager
def employed(
    campaign: Campaign,
    record: CampaignRecord,
    ledger: Ledger,
    home: Path,
    faults: Path | None = None,
    real_time_factor: float | None = None,
    *,
    given_again: bool = True,
) -> Iterator[Worker]:
    """A worker that may drive the campaign, for the time of this context.

    A waiting campaign runs again where a person has ``given`` the command ``again``; else it goes on waiting.

    Errors: :class:`campaigns.ledger.LeaseHeld` while another worker drives it, and those of the lab.
    """
    root = ledger_path(home, simulated=record.simulated).parent
    with (
        kept_lease(ledger, record.id, root / "leases") as lease,
        _laboratory(campaign, record, root, faults, real_time_factor) as laboratory,
    ):
        check_reach(campaign, laboratory.name, laboratory.limits)
        if given_again and ledger.campaign(record.id).status is CampaignState.WAITING:
            ledger.set_status(
                record.id,
                CampaignState.WAITING,
                CampaignState.RUNNING,
                author=f"person at {socket.gethostname()}",
                reason="the command was given again",
                lease=lease.current,
            )
        yield Worker(campaign, record.id, ledger, laboratory, lease, root, home)


def ended(record: CampaignRecord) -> bool:
    """Whether the campaign has come to its end."""
    return record.status in FINAL_STATUSES


def check_reach(campaign: Campaign, lab: str, limits: Mapping[str, Limit]) -> None:
    """Check that every value the campaign may ask for is one that the lab allows, in the lab's units.

    Errors: :class:`UnusableInput` naming every parameter that reaches beyond the lab's limits,
    :class:`devices.errors.LabError` where units differ.
    """
    check_units(campaign.units(), limits)
    faults = []
    for parameter in campaign.parameters:
        limit = limits.get(parameter.name)
        if limit is None:
            faults.append(f"{parameter.name} is no set-point of the lab")
            continue
        if parameter.value is not None:
            values: tuple[float | str, ...] = (parameter.value,)
        else:
            values = parameter.categories or parameter.bounds or ()
        faults += [fault for fault in map(limit.fault, values) if fault]
    if faults:
        raise UnusableInput(
            f"The campaign {campaign.name} reaches beyond what the lab {lab} allows: "
            f"{'; '.join(faults)}; narrow the parameters or use another lab."
        )


@contextmanager
def _laboratory(
    campaign: Campaign,
    record: CampaignRecord,
    root: Path,
    faults: Path | None,
    real_time_factor: float | None,
) -> Iterator[Laboratory]:
    # Each simulated campaign has a lab of its own, so that what ran before in this folder changes nothing.
    state = root / "labs" / record.id if record.simulated else root
    state.mkdir(parents=True, exist_ok=True)
    if record.simulated:
        faults = _kept_scenario(state / "scenario.yaml", faults)
    seed = derive(campaign.seed, 0, "laboratory")
    with load_lab(
        campaign.lab,
        state_dir=state,
        seed=seed,
        faults=faults,
        real_time_factor=real_time_factor,
        stop_dir=root,
    ) as laboratory:
        yield laboratory


def _kept_scenario(kept: Path, given: Path | None) -> Path | None:
    """The scenario of a campaign, which whoever goes on with it need not give again."""
    if given is not None:
        put_as(given.read_bytes(), kept)
    return kept if kept.is_file() else None
