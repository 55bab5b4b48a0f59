"""What the loop does about each fault: the rows of docs/faults.md."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from campaigns.ledger import CampaignState, CampaignStatus, HistoryRecord, Ledger, Micrograph, ledger_path
from devices.errors import LabDown, LabError
from devices.labfile import read_lab_file
from flows.seeds import derive
from sim.membrane import MembranePlant

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LIBRARY = Path(__file__).parents[2] / "campaigns" / "library"
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


LOST = {
    "probe_frozen": "the probe of pH was found frozen",
    "probe_nan": "interlock pH_high tripped at",
    "feed_pump_stall": "the pump of naoh_factor stalled",
    "feed_rate_error": "the feed of naoh_factor was -20 % off by weight",
    "over_temperature": "temperature_C reads 85 °C, at most 75 °C is safe",
    "over_pressure": "pressure_bar reads 3 bar, at most 1.5 bar is safe",
    "gas_loss": "interlock gas_lost tripped at",
    "stirrer_stop": "the stirrer's motor reports that it stands",
    "set_point_timeout": "did not come to 50.0 within 6 h",
}


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_batch_is_a_failed_experiment_with_its_reason_everywhere(precursor: Loop, kind: str) -> None:
    when = {} if kind == "set_point_timeout" else {"at": "5 min"}
    found = precursor.run({"kind": kind, **when})
    (iteration,) = found.iterations
    assert (iteration.state, iteration.fields) == ("failed", 0)
    assert LOST[kind] in iteration.reason
    assert iteration.reactor_starts == (0 if kind == "set_point_timeout" else 1)
    assert precursor.history()[-2].reason == iteration.reason
    assert precursor.history()[-2].to_state == "failed"
    assert LOST[kind].replace("'", "&#39;") in Path(found.report).read_text(encoding="utf-8")
    from cli.summary import summary

    assert LOST[kind] in summary(found).plain
    precursor.check_device()


def test_the_campaign_goes_on_with_a_new_key(membrane: Loop) -> None:
    found = membrane.run(
        {"kind": "feed_pump_stall", "at": "1 min", "quantity": "polymer_wt_pct"}, experiments=2
    )
    assert [one.state for one in found.iterations] == ["failed", "learned"]
    assert membrane.check_device() == [one.dispatch_key for one in found.iterations]
    assert found.iterations[0].conditions != found.iterations[1].conditions
    assert found.status is not CampaignState.STALLED


@pytest.mark.parametrize(("stopping", "failures"), [({}, 3), ({"give_up_after": 2}, 2)])
def test_after_some_failures_in_a_row_the_campaign_ends_with_the_reason(
    membrane: Loop, stopping: dict[str, Any], failures: int
) -> None:
    stalls = [
        {"kind": "feed_pump_stall", "at": "1 min", "quantity": "polymer_wt_pct", "experiment": n}
        for n in range(1, 6)
    ]
    found = membrane.run(*stalls, experiments=6, stopping=stopping)
    assert found.status is CampaignState.STALLED
    assert found.reason == (
        f"The last {failures} experiments failed, one after the other, the last one because: the pump of "
        "polymer_wt_pct stalled: no flow was counted; see to the lab."
    )
    assert len(membrane.check_device()) == failures


def test_a_dead_probe_keeps_the_reactor_off_until_a_person_has_replaced_it(precursor: Loop) -> None:
    fault = {"kind": "probe_nan", "at": "95 min"}
    waiting = precursor.run(fault, experiments=2)
    assert waiting.status is CampaignState.WAITING
    assert [one.state for one in waiting.iterations] == ["failed", "dispatching"]
    assert "interlock pH_high tripped" in waiting.reason
    assert waiting.iterations[1].reactor_starts == 0
    found = precursor.run(fault, experiments=2)
    assert found.campaign == waiting.campaign
    assert [(one.state, one.reactor_starts) for one in found.iterations] == [("failed", 1), ("learned", 1)]
    assert found.iterations[1].dispatch_key == waiting.iterations[1].dispatch_key
    precursor.check_device()


def test_a_drift_from_day_to_day_is_learnt_from_like_any_scatter(membrane: Loop) -> None:
    found = membrane.run({"kind": "batch_effect", "quantity": "bath_temperature_C", "size": 10.0})
    assert [(one.state, one.rejected_fields) for one in found.iterations] == [("learned", 0)]
    (start,) = (entry for entry in membrane.journal() if entry["event"] == "start")
    (made,) = (entry["sample"] for entry in membrane.journal() if entry["event"] == "done")
    plant = MembranePlant(derive(found.seed, 0, "laboratory"), hidden=True)
    meant = plant.synthesise(start["conditions"], batch=start["batch"])
    assert made["seed"] == meant.seed
    assert abs(made["spacing_um"] / meant.spacing_um - 1) > 0.01
    assert start["conditions"] == found.iterations[0].conditions


REJECTED = {
    "black_image": "black or empty",
    "saturated_image": "saturated: ",
    "wrong_magnification": "wrong magnification: 2500× instead of 5000×",
    "misfocused_image": "out of focus",
    "charged_image": "charged: ",
    "corrupt_file": "corrupt: ",
    "stage_stuck": "the same scene as field 0",
}


@pytest.mark.parametrize("kind", REJECTED)
def test_a_bad_image_is_kept_rejected_and_replaced(membrane: Loop, kind: str) -> None:
    found = membrane.run({"kind": kind, "field": 2})
    (iteration,) = found.iterations
    assert (iteration.state, iteration.fields, iteration.rejected_fields) == ("learned", 2, 1)
    (evidence,) = membrane.micrographs("rejected")
    assert evidence.field == 1
    assert hashlib.sha256(evidence.path.read_bytes()).hexdigest() == evidence.sha256
    assert [one.field for one in membrane.micrographs("measured")] == [0, 2]
    (note,) = (row for row in membrane.history() if "rejected" in row.reason)
    assert note.reason.startswith(f"field 1 at 5000× rejected: {REJECTED[kind]}")
    assert note.facts["sha256"] == evidence.sha256
    page = Path(found.report).read_text(encoding="utf-8")
    assert note.reason in page
    assert "field 2 of 2" in page
    # The measurement is of the membrane, not of the fault.
    (made,) = (entry["sample"] for entry in membrane.journal() if entry["event"] == "done")
    measured = iteration.measured["phase_fraction"].value
    assert measured == pytest.approx(made["polymer_fraction"], abs=0.04)


def test_a_microscope_that_gives_nothing_but_bad_images_costs_the_experiment_not_the_campaign(
    membrane: Loop,
) -> None:
    black = [{"kind": "black_image", "field": n} for n in range(1, 9)]
    found = membrane.run(*black, experiments=2)
    assert [one.state for one in found.iterations] == ["failed", "learned"]
    assert found.iterations[0].reason.startswith(
        "6 fields at 5000× could not be measured, and at most 5 are replaced; the last one: field 5"
    )
    assert found.iterations[0].rejected_fields == 6


def test_a_lost_vacuum_is_pumped_down_and_the_field_is_taken_again(membrane: Loop) -> None:
    found = membrane.run({"kind": "vacuum_loss", "field": 2})
    assert [(one.state, one.fields, one.rejected_fields) for one in found.iterations] == [("learned", 2, 0)]
    assert [entry["field"] for entry in membrane.journal() if entry["event"] == "imaged"] == [0, 1]


def test_a_vacuum_that_does_not_hold_waits_for_a_person(membrane: Loop) -> None:
    leaks = [{"kind": "vacuum_loss", "field": 2}] * 3
    waiting = membrane.run(*leaks)
    assert waiting.status is CampaignState.WAITING
    assert waiting.reason.startswith("The microscope failed 3 times in a row, the last time because: ")
    found = membrane.run(*leaks)
    assert [(one.state, one.fields) for one in found.iterations] == [("learned", 2)]


def test_a_burnt_filament_waits_for_a_person_and_loses_nothing(membrane: Loop) -> None:
    fault = {"kind": "filament_end", "field": 2}
    waiting = membrane.run(fault)
    assert waiting.status is CampaignState.WAITING
    assert "filament burnt out" in waiting.reason
    assert waiting.iterations[0].state == "synthesised"
    found = membrane.run(fault)
    assert [(one.state, one.fields) for one in found.iterations] == [("learned", 2)]
    assert len(membrane.check_device()) == 1


@pytest.mark.parametrize(("stuck", "ends"), [("skip", "budget_spent"), ("abort", "aborted")])
def test_a_burnt_filament_costs_the_experiment_where_nobody_is_to_be_asked(
    membrane: Loop, stuck: str, ends: str
) -> None:
    failures = {"image": {"stuck": stuck, "retries": 0}}
    found = membrane.run({"kind": "filament_end", "field": 2}, experiments=1, failures=failures)
    assert found.status == ends
    assert [one.state for one in found.iterations] == ["failed"]
    assert "filament burnt out" in found.iterations[0].reason


@pytest.mark.parametrize(("lost", "ends"), [("ask", "waiting"), ("abort", "aborted")])
def test_a_lost_batch_stops_the_campaign_where_that_is_asked_for(
    membrane: Loop, lost: str, ends: str
) -> None:
    stall = {"kind": "feed_pump_stall", "at": "1 min", "quantity": "polymer_wt_pct", "experiment": 1}
    found = membrane.run(stall, experiments=2, failures={"synthesise": {"lost": lost}})
    assert found.status == ends
    assert "experiment 1 is lost: " in found.reason
    assert [one.state for one in found.iterations] == ["failed"]
    if lost == "ask":
        assert (
            len(membrane.run(stall, experiments=2, failures={"synthesise": {"lost": lost}}).iterations) == 2
        )


def test_a_power_cut_loses_the_batch_alone(membrane: Loop) -> None:
    cuts = ({"kind": "power_cut", "at": "5 min"}, {"kind": "power_cut", "experiment": 2, "field": 2})
    with pytest.raises(LabDown, match="The power was cut at"):
        membrane.run(*cuts, experiments=2)
    with pytest.raises(LabDown, match="The power was cut at"):
        membrane.run(*cuts, experiments=2)
    found = membrane.run(*cuts, experiments=2)
    assert [(one.state, one.reactor_starts) for one in found.iterations] == [("failed", 1), ("learned", 1)]
    assert found.iterations[0].reason.startswith("the power was cut at")
    assert len(membrane.check_device()) == 2


def test_a_full_disk_ends_the_run_and_the_same_command_goes_on(membrane: Loop) -> None:
    fault = {"kind": "disk_full", "field": 2}
    with pytest.raises(LabError, match="No space left on device"):
        membrane.run(fault)
    found = membrane.run(fault)
    assert [(one.state, one.fields, one.reactor_starts) for one in found.iterations] == [("learned", 2, 1)]


def test_whoever_goes_on_with_the_campaign_need_not_give_its_scenario_again(membrane: Loop) -> None:
    from flows.campaign import campaign

    with pytest.raises(LabError, match="The power was cut"):
        membrane.run(
            {"kind": "power_cut", "at": "5 min"},
            {"kind": "black_image", "experiment": 2, "field": 1},
            experiments=2,
        )
    with membrane.ledger() as ledger:
        (record,) = ledger.campaigns()
    resumed = membrane.folder / "resumed.yaml"
    resumed.write_text(record.specification, encoding="utf-8")
    found = campaign(resumed)
    assert (found.campaign, len(found.iterations)) == (record.id, 2)
    assert [one["kind"] for one in membrane.journal() if one["event"] == "fault"] == [
        "power_cut",
        "black_image",
    ]


def test_the_command_ends_with_one_sentence_and_goes_on(
    membrane: Loop, environment: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    from cli.main import run

    faults = ({"kind": "power_cut", "at": "5 min"}, {"kind": "disk_full", "experiment": 2, "field": 1})
    membrane.write(*faults, experiments=2)
    command = ["dry-run", str(membrane.file), "--faults", str(membrane.scenario), "--json"]
    ended = subprocess.run(
        [sys.executable, "-m", "cli.main", *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    assert "Traceback" not in ended.stderr
    assert "The power was cut at" in ended.stderr.strip().splitlines()[-1]
    with pytest.raises(SystemExit) as again:
        run(command)
    told = capfd.readouterr()
    assert (again.value.code, told.out) == (2, ""), told.err
    assert "No space left on device" in told.err.strip().splitlines()[-1]
    found = membrane.run(*faults, experiments=2)
    assert [(one.state, one.reactor_starts) for one in found.iterations] == [("failed", 1), ("learned", 1)]
    assert len(membrane.check_device()) == 2


def test_a_wrong_scenario_is_told_before_anything_is_begun(membrane: Loop) -> None:
    with pytest.raises(LabError, match=r"faults\[0\]: there is no fault 'earthquake'"):
        membrane.run({"kind": "earthquake", "at": "1 min"})
    assert not list(membrane.home.glob("simulated/labs/*"))


def test_a_scenario_for_another_reactor_is_told_before_anything_is_begun(membrane: Loop) -> None:
    with pytest.raises(LabError, match="probe_frozen concerns pH, which it does not have"):
        membrane.run({"kind": "probe_frozen", "at": "1 min"})
    assert not list(membrane.home.glob("simulated/*"))


def test_a_bad_month_loses_nothing_and_says_why(membrane: Loop) -> None:
    scenario = yaml.safe_load((LIBRARY / "faults" / "mixed-membrane.yaml").read_text(encoding="utf-8"))
    for target in membrane.campaign["targets"]:
        target["tolerance"] = "0.1 %"  # out of reach, so that no experiment ends the campaign
    found = membrane.run(*scenario["faults"], experiments=5, stopping={"give_up_after": 4, "stall_after": 6})
    states = [(one.state, one.reactor_starts) for one in found.iterations[:4]]
    assert states == [("learned", 1), ("failed", 1), ("failed", 0), ("learned", 1)]
    keys = membrane.check_device()
    assert keys == [one.dispatch_key for one in found.iterations if one.reactor_starts]
    page = Path(found.report).read_text(encoding="utf-8")
    reasons = ("interlock over_temperature tripped at", "within 6 h")
    for one, reason in zip(found.iterations[1:3], reasons, strict=True):
        assert reason in one.reason
        assert reason in page
    imaged = [entry for entry in membrane.journal() if entry["event"] == "imaged"]
    assert len(imaged) == sum(one.fields + one.rejected_fields for one in found.iterations)


def test_a_scenario_makes_a_campaign_of_its_own(membrane: Loop) -> None:
    plain = membrane.run()
    faulty = membrane.run({"kind": "black_image", "field": 1})
    assert plain.campaign != faulty.campaign
    assert plain.iterations[0].conditions == faulty.iterations[0].conditions
    assert [one.rejected_fields for one in (plain.iterations[0], faulty.iterations[0])] == [0, 1]
