"""The ledgers of a state directory, opened once, and what was read from them while nothing was written."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from campaigns.ledger import CampaignRecord, ExperimentRecord, Ledger, NotFound, has_ledger, ledger_location
from models.errors import UnusableInput

Value = TypeVar("Value")

LOOK_S = 0.5
"""How often it is asked at most whether anything was written; many viewers cost as much as one."""
SEEK_S = 2.0
"""How often it is looked at most whether there is a ledger by now."""
KEPT = 1024
"""Readings that are kept."""


@dataclass
class _Reading:
    stamp: object
    value: Any
    lock: threading.Lock


class Source:
    """Both stores, the real lab's and the simulated labs'; a store that comes up later is found.

    Used from many threads: a reading is made once however many ask for it.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._ledgers: dict[bool, Ledger] = {}
        self._readings: OrderedDict[Hashable, _Reading] = OrderedDict()
        self._lock = threading.Lock()
        self._stamp: tuple[float, object] = (-math.inf, None)
        self._sought = -math.inf

    def close(self) -> None:
        """Let go of the databases."""
        for ledger in self._ledgers.values():
            ledger.close()
        self._ledgers.clear()

    def ledgers(self) -> tuple[Ledger, ...]:
        """The ledgers that there are; none is made."""
        with self._lock:
            now = time.monotonic()
            if len(self._ledgers) < 2 and now - self._sought > SEEK_S:
                self._sought = now
                for simulated in {False, True} - self._ledgers.keys():
                    if has_ledger(self.home, simulated=simulated):
                        location = ledger_location(self.home, simulated=simulated)
                        self._ledgers[simulated] = Ledger.open(location, simulated=simulated)
            return tuple(self._ledgers.values())

    def cached(self, key: Hashable, read: Callable[[], Value], *, campaign: str | None = None) -> Value:
        """What ``read`` gives, read again only after something was written, or written of ``campaign``."""
        stamp = self.stamp()
        if campaign is not None:
            # Asked only where something was written at all.
            stamp = self.cached(("stamp", campaign), lambda: self._campaign_stamp(campaign))
        with self._lock:
            kept = self._readings.setdefault(key, _Reading(None, None, threading.Lock()))
            self._readings.move_to_end(key)
            if len(self._readings) > KEPT:
                self._readings.popitem(last=False)
        with kept.lock:
            if kept.stamp != stamp:
                kept.value, kept.stamp = read(), stamp
            value: Value = kept.value
            return value

    def stamp(self) -> object:
        """Equal for as long as nothing was written, as known half a second ago."""
        now = time.monotonic()
        if now - self._stamp[0] > LOOK_S:
            self._stamp = (now, tuple(ledger.stamp() for ledger in self.ledgers()))
        return self._stamp[1]

    def _campaign_stamp(self, campaign_id: str) -> object:
        return tuple(ledger.stamp(campaign_id) for ledger in self.ledgers())

    def changed(self) -> None:
        """Something was written here just now, so that whoever wrote it sees it at once."""
        self._stamp = (-math.inf, None)

    def campaigns(self) -> tuple[CampaignRecord, ...]:
        """All campaigns, the newest first."""

        def read() -> tuple[CampaignRecord, ...]:
            found = [record for ledger in self.ledgers() for record in ledger.campaigns()]
            return tuple(sorted(found, key=lambda record: record.created_at, reverse=True))

        return self.cached("campaigns", read)

    def campaign(self, campaign_id: str) -> tuple[Ledger, CampaignRecord]:
        """A campaign with its ledger. Errors: :class:`models.errors.UnusableInput`."""
        for ledger in self.ledgers():
            try:
                return ledger, ledger.campaign(campaign_id)
            except NotFound:
                continue
        raise UnusableInput(f"There is no campaign {campaign_id}.")

    def experiment(self, experiment_id: str) -> tuple[Ledger, ExperimentRecord]:
        """An experiment with its ledger. Errors: :class:`models.errors.UnusableInput`."""
        for ledger in self.ledgers():
            try:
                return ledger, ledger.experiment(experiment_id)
            except NotFound:
                continue
        raise UnusableInput(f"There is no experiment {experiment_id}.")

    def waiting(self) -> tuple[ExperimentRecord, ...]:
        """Proposals of campaigns that have not ended and that nobody has decided on, the oldest first.

        Where a campaign's policy approves by itself, its proposals wait for nobody.
        """

        def read() -> tuple[ExperimentRecord, ...]:
            from campaigns.ledger import FINAL_STATUSES
            from campaigns.specification import Campaign

            found = []
            for ledger in self.ledgers():
                for one in ledger.waiting_for_approval():
                    record = ledger.campaign(one.campaign_id)
                    policy = Campaign.from_json(record.specification).approval
                    asked = one.edited_from or policy.required(one.index, one.manifold_distance)
                    if record.status not in FINAL_STATUSES and asked:
                        found.append(one)
            return tuple(found)

        return self.cached("waiting", read)
