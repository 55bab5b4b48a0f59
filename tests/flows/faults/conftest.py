"""A small campaign under a scenario of faults."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from campaigns.ledger import CampaignStatus, HistoryRecord, Ledger, Micrograph, ledger_path
from devices.labfile import read_lab_file

LIBRARY = Path(__file__).parents[3] / "campaigns" / "library"


Fault = dict[str, Any]


class Loop:
    """A small campaign under a scenario, run in this process; what came of it is read from the stores."""

    def __init__(self, folder: Path, home: Path, campaign: dict[str, Any], lab: str) -> None:
        self.folder, self.home = folder, home
        self.file, self.scenario, self.lab = (
            folder / "campaign.yaml",
            folder / "scenario.yaml",
            folder / "lab.yaml",
        )
        content = yaml.safe_load((LIBRARY / "labs" / lab).read_text(encoding="utf-8"))
        content["microscope"]["options"]["scan"] = [640, 480]
        self.lab.write_text(yaml.safe_dump(content), encoding="utf-8")
        self.campaign = {**campaign, "name": "small", "lab": str(self.lab)}

    def run(self, *faults: Fault, experiments: int = 1, **sections: dict[str, Any]) -> CampaignStatus:
        from flows.campaign import campaign

        self.write(*faults, experiments=experiments, **sections)
        return campaign(self.file, faults=self.scenario if faults else None)

    def write(self, *faults: Fault, experiments: int, **sections: dict[str, Any]) -> None:
        content = {**self.campaign, "budget": {"experiments": experiments}, **sections}
        self.file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        self.scenario.write_text(yaml.safe_dump({"name": "test", "faults": list(faults)}), encoding="utf-8")

    def journal(self) -> list[dict[str, Any]]:
        (path,) = self.home.glob("simulated/labs/*/simulated-lab/journal.jsonl")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]

    def history(self) -> list[HistoryRecord]:
        with self.ledger() as ledger:
            return list(ledger.history(ledger.campaigns()[0].id))

    def micrographs(self, kind: Any, index: int = 1) -> tuple[Micrograph, ...]:
        with self.ledger() as ledger:
            (record,) = ledger.campaigns()
            return ledger.micrographs(ledger.experiments(record.id)[index - 1].id, kind=kind)

    def ledger(self) -> Ledger:
        return Ledger.open(ledger_path(self.home, simulated=True), simulated=True)

    def check_device(self) -> list[str]:
        """By the device's own log: no order outside the limits, every key started once; the keys."""
        limits = read_lab_file(self.lab).limits()
        entries = self.journal()
        for entry in entries:
            if entry["event"] == "ordered":
                limits[entry["quantity"]].check(entry["value"])
        keys = [entry["key"] for entry in entries if entry["event"] == "start"]
        assert len(keys) == len(set(keys))
        lost = [n for n, entry in enumerate(entries) if entry["event"] == "stopped"]
        for place in lost:
            # Everything that has a safe value is sent there before anything else is asked of it.
            following: dict[str, Any] = {}
            for entry in entries[place:]:
                if entry["event"] == "ordered":
                    following.setdefault(entry["quantity"], entry["value"])
            for quantity, value in following.items():
                assert limits[quantity].safe in (None, value) or "power" in entries[place]["reason"]
        return keys


@pytest.fixture
def membrane(tmp_path: Path, home: Path, prefect_api: str, small_campaign: Path) -> Loop:
    campaign = yaml.safe_load(small_campaign.read_text(encoding="utf-8"))
    campaign["imaging"]["views"][0]["fields"] = {"min": 2, "max": 2}
    return Loop(tmp_path, home, campaign, "simulated-membrane.yaml")


@pytest.fixture
def precursor(tmp_path: Path, home: Path, prefect_api: str) -> Loop:
    campaign = yaml.safe_load((LIBRARY / "lmr-precursor.yaml").read_text(encoding="utf-8"))
    campaign["targets"] = [{"descriptor": "d50_um", "value": "8 µm", "tolerance": "5 %"}]
    campaign["imaging"]["views"] = [
        {"magnification": 3000, "descriptors": ["d50_um"], "fields": {"min": 2, "max": 2}}
    ]
    campaign["model"] = {"generator": "none"}
    campaign["optimiser"] = {"particles": 10, "iterations": 8}
    del campaign["learning"]
    return Loop(tmp_path, home, campaign, "simulated-lmr.yaml")
