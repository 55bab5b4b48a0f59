"""A small campaign in a lab of two reactors and one microscope, and what its journal says."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from campaigns.ledger import CampaignStatus, Ledger, ledger_path

LIBRARY = Path(__file__).parents[3] / "campaigns" / "library"


Entry = dict[str, Any]


# No field of view can tell this far: the campaign spends its budget.
FAR = [{"descriptor": "phase_fraction", "value": 0.05, "tolerance": "1 %"}]


def run(file: Path, **options: object) -> CampaignStatus:
    from flows.campaign import campaign

    return campaign(file, **options)


@pytest.fixture
def two(small_campaign: Path) -> Callable[..., Path]:
    """Writes the small campaign for a lab of two reactors, with other sections where given."""

    def write(lab_change: Callable[[Entry], object] | None = None, **sections: object) -> Path:
        lab = yaml.safe_load((LIBRARY / "labs" / "simulated-membrane.yaml").read_text(encoding="utf-8"))
        lab["reactors"] = {"north": lab.pop("reactor")}
        lab["reactors"]["south"] = json.loads(json.dumps(lab["reactors"]["north"]))
        lab["microscope"]["options"]["scan"] = [640, 480]
        if lab_change is not None:
            lab_change(lab)
        lab_file = small_campaign.with_name("two.yaml")
        lab_file.write_text(yaml.safe_dump({**lab, "name": "two"}, allow_unicode=True), encoding="utf-8")
        content = yaml.safe_load(small_campaign.read_text(encoding="utf-8"))
        content |= {"lab": str(lab_file), "budget": {"experiments": 4}, **sections}
        small_campaign.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        return small_campaign

    return write


def journal(home: Path) -> list[Entry]:
    (path,) = home.glob("simulated/labs/*/simulated-lab/journal.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def batches(entries: list[Entry]) -> dict[str, tuple[str, float, float]]:
    """Reactor, start and end (s on the lab's clock) by key."""
    ends = {one["key"]: one["t_s"] for one in entries if one["event"] == "done"}
    starts = [one for one in entries if one["event"] == "start"]
    assert len({one["key"] for one in starts}) == len(starts)  # nothing is started twice
    return {one["key"]: (one["reactor"], one["t_s"], ends[one["key"]]) for one in starts}


def check_lab(entries: list[Entry]) -> dict[str, tuple[str, float, float]]:
    """No reactor had two batches at once, and the microscope imaged one field at a time."""
    found = batches(entries)
    for reactor in ("north", "south"):
        spans = sorted((start, end) for name, start, end in found.values() if name == reactor)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    taken = [one["t_s"] for one in entries if one["event"] == "imaged"]
    assert all(later - earlier >= 59.9 for earlier, later in itertools.pairwise(taken))
    return found


def together(found: dict[str, tuple[str, float, float]]) -> int:
    """How many pairs of batches ran at the same time."""
    spans = [(start, end) for _, start, end in found.values()]
    return sum(
        one[0] < other[1] and other[0] < one[1]
        for place, one in enumerate(spans)
        for other in spans[place + 1 :]
    )


def states(home: Path) -> list[str]:
    path = ledger_path(home, simulated=True)
    if not path.exists():
        return []
    with Ledger.open(path, simulated=True) as ledger:
        return [one.state for record in ledger.campaigns() for one in ledger.experiments(record.id)]
