"""What the simulated devices do about each fault."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from devices.errors import DeviceFault, LabDown, LabError, NeedsPerson
from devices.interlocks import InterlockTripped
from devices.labfile import load_lab, read_lab_file
from devices.laboratory import Laboratory
from sim.fault_images import spoilt
from sim.faults import KINDS, Fault

pytestmark = pytest.mark.slow

LIBRARY = Path(__file__).parents[2] / "campaigns" / "library"
LAB = LIBRARY / "labs" / "simulated-lmr.yaml"
CONDITIONS = {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2, "time_min": 480.0}
OpenLab = Callable[..., Laboratory]


@pytest.fixture
def open_lab(tmp_path: Path) -> Iterator[OpenLab]:
    """Opens the shipped lab, with a quick microscope, under a list of faults; closes it after the test."""
    opened: list[Laboratory] = []
    lab = yaml.safe_load(LAB.read_text(encoding="utf-8"))
    lab["microscope"]["options"]["scan"] = [320, 240]

    def open_(*faults: dict[str, Any], interlocks: bool = True) -> Laboratory:
        content = {**lab, "reactor": {**lab["reactor"]}}
        if not interlocks:
            del content["reactor"]["interlocks"]
        file, scenario = tmp_path / "lab.yaml", tmp_path / "scenario.yaml"
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        scenario.write_text(yaml.safe_dump({"name": "test", "faults": list(faults)}), encoding="utf-8")
        for one in opened:
            one.close()
        opened.append(
            load_lab(file, state_dir=tmp_path / "state", seed=0, faults=scenario if faults else None)
        )
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


def journal(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "state" / "simulated-lab" / "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


def check_orders(entries: list[dict[str, Any]]) -> None:
    """No order outside the limits was ever sent, and whatever has a safe value was left at it."""
    limits = read_lab_file(LAB).limits()
    last: dict[str, Any] = {}
    ordered = [entry for entry in entries if entry["event"] == "ordered"]
    assert ordered
    for entry in ordered:
        limits[entry["quantity"]].check(entry["value"])
        last[entry["quantity"]] = entry["value"]
    for quantity, value in last.items():
        if limits[quantity].safe is not None:
            assert value == limits[quantity].safe, quantity


def test_without_a_scenario_nothing_differs(open_lab: OpenLab, tmp_path: Path) -> None:
    lab = open_lab()
    record = lab.synthesise("b-1", CONDITIONS)
    lab.acquire("b-1", 3000, 1, 0, tmp_path)
    assert [entry["event"] for entry in journal(tmp_path)] == ["start", "done", "imaged"]
    assert (record.started_at, record.finished_at) == ("2026-01-01T00:36:50Z", "2026-01-01T09:11:50Z")


LOST = {
    "probe_nan": "pH_high tripped at .* reads no number",
    "over_temperature": "over_temperature tripped at .* reads 85 °C, at most 75 °C is safe",
    "over_pressure": "over_pressure tripped at .* reads 3 bar",
    "gas_loss": "gas_lost tripped at .* reads 0 L/min",
    "stirrer_stop": "the stirrer's motor reports",
    "feed_pump_stall": "the pump of naoh_factor stalled",
    "probe_frozen": "found frozen when it was checked after the batch",
    "feed_rate_error": "-20 % off by weight",
}


@pytest.mark.parametrize("kind", LOST)
def test_a_fault_of_the_reactor_loses_the_batch_and_leaves_it_safe(
    open_lab: OpenLab, tmp_path: Path, kind: str
) -> None:
    lab = open_lab({"kind": kind, "at": "40 min"})
    with pytest.raises(LabError, match=LOST[kind]):
        lab.synthesise("b-1", CONDITIONS)
    record = lab.reactor_record("b-1")
    assert record is not None
    assert (record.state, record.starts) == ("fault", 1)
    assert record.reason
    entries = journal(tmp_path)
    (fault,) = (entry for entry in entries if entry["event"] == "fault")
    (start,) = (entry for entry in entries if entry["event"] == "start")
    assert fault["t_s"] == start["t_s"] + 2400.0
    check_orders(entries)
    if kind != "probe_nan":
        assert lab.synthesise("b-2", CONDITIONS).state == "done"
        check_orders(journal(tmp_path))


def test_the_reactor_starts_again_only_when_a_dead_probe_was_replaced(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    fault = {"kind": "probe_nan", "at": "40 min"}
    lab = open_lab(fault)
    with pytest.raises(InterlockTripped):
        lab.synthesise("b-1", CONDITIONS)
    before = len(journal(tmp_path))
    with pytest.raises(NeedsPerson, match=r"pH_high tripped .* not come back past 12\.5"):
        lab.synthesise("b-2", CONDITIONS)
    assert lab.reactor_record("b-2") is None
    assert {e["value"] for e in journal(tmp_path)[before:] if e.get("quantity") == "pH"} == {7.0}
    assert open_lab(fault).synthesise("b-2", CONDITIONS).starts == 1


def test_without_interlocks_the_controller_itself_ends_a_batch_that_it_cannot_control(
    open_lab: OpenLab,
) -> None:
    lab = open_lab({"kind": "probe_nan", "at": "40 min"}, interlocks=False)
    with pytest.raises(DeviceFault, match="gives no value, so it cannot be controlled"):
        lab.synthesise("b-1", CONDITIONS)


def test_a_set_point_that_never_arrives_is_given_up_before_anything_is_fed(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    lab = open_lab({"kind": "set_point_timeout"})
    with pytest.raises(DeviceFault, match=r"temperature_C.* did not come to 50\.0 within 6 h"):
        lab.synthesise("b-1", CONDITIONS)
    assert lab.reactor_record("b-1") is None
    assert lab.clock.hours() == pytest.approx(6.0)
    check_orders(journal(tmp_path))
    assert lab.synthesise("b-2", CONDITIONS).state == "done"


def test_a_drift_from_day_to_day_makes_other_batches_of_the_same_recipe(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    lab = open_lab({"kind": "batch_effect", "size": 0.15})
    for number in range(1, 7):
        lab.synthesise(f"b-{number}", CONDITIONS)
    made = [entry["sample"]["state"] for entry in journal(tmp_path) if entry["event"] == "done"]
    widths = np.log([one["primary_width_um"] for one in made])
    # 0.15 in pH makes 7 % of width; batches without the effect scatter by 1.2 %.
    assert widths.std(ddof=1) > 0.03


def test_a_power_cut_ends_everything_and_the_journal_tells_what_was_lost(
    open_lab: OpenLab, tmp_path: Path
) -> None:
    fault = {"kind": "power_cut", "at": "95 min"}
    lab = open_lab(fault)
    with pytest.raises(LabDown, match="The power was cut at 2026-01-01T02:11:50Z; give the same command"):
        lab.synthesise("b-1", CONDITIONS)
    for act in (lambda: lab.synthesise("b-2", CONDITIONS), lambda: lab.acquire("b-1", 3000, 1, 0, tmp_path)):
        with pytest.raises(LabDown):
            act()
    dead = journal(tmp_path)
    assert [entry["event"] for entry in dead if entry["event"] != "ordered"] == ["start", "fault", "stopped"]
    # Nothing was sent to devices that are off.
    assert dead[-1]["event"] == "stopped"
    again = open_lab(fault)
    record = again.reactor_record("b-1")
    assert record is not None
    assert (record.state, record.reason) == ("fault", "the power was cut at 2026-01-01T02:11:50Z")
    assert again.synthesise("b-2", CONDITIONS).state == "done"


@pytest.mark.parametrize(
    ("kind", "error"), [("vacuum_loss", DeviceFault), ("filament_end", NeedsPerson), ("power_cut", LabDown)]
)
def test_a_field_that_a_fault_cost_is_taken_afterwards_and_is_the_same(
    open_lab: OpenLab, tmp_path: Path, kind: str, error: type[LabError]
) -> None:
    fault = {"kind": kind, "field": 2}
    lab = open_lab(fault)
    lab.synthesise("b-1", CONDITIONS)
    before = lab.clock.hours()
    with pytest.raises(error):
        lab.acquire("b-1", 3000, 3, 0, tmp_path / "images")
    if error is not DeviceFault:
        lab = open_lab(fault)
    paths = lab.acquire("b-1", 3000, 3, 0, tmp_path / "images")
    hours = lab.clock.hours() - before
    assert hours == pytest.approx((4 * 1.5 + 30 * (kind == "vacuum_loss")) / 60)
    assert [e["field"] for e in journal(tmp_path) if e["event"] == "imaged"] == [0, 1, 2]
    whole = open_lab().acquire("b-1", 3000, 3, 0, tmp_path / "whole")
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in whole]


def test_a_full_disk_leaves_no_image_and_no_entry(open_lab: OpenLab, tmp_path: Path) -> None:
    lab = open_lab({"kind": "disk_full", "field": 2})
    lab.synthesise("b-1", CONDITIONS)
    with pytest.raises(LabError, match=r"b-1_3000x_001.tif cannot be written \(No space left on device\)"):
        lab.acquire("b-1", 3000, 2, 0, tmp_path / "images")
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["b-1_3000x_000.tif"]
    assert len(lab.acquire("b-1", 3000, 2, 0, tmp_path / "images")) == 2


IMAGES = [
    kind
    for kind, one in KINDS.items()
    if one.where == "field" and kind not in ("vacuum_loss", "filament_end", "disk_full")
]


@pytest.mark.parametrize("kind", IMAGES)
def test_a_spoilt_image_is_spoilt_once_and_the_same_after_a_restart(
    open_lab: OpenLab, tmp_path: Path, kind: str
) -> None:
    fault = {"kind": kind, "field": 2}
    lab = open_lab(fault)
    lab.synthesise("b-1", CONDITIONS)
    taken = [path.read_bytes() for path in lab.acquire("b-1", 3000, 3, 0, tmp_path / "images")]
    lab = open_lab(fault)
    assert taken == [path.read_bytes() for path in lab.acquire("b-1", 3000, 3, 0, tmp_path / "again")]
    good = [path.read_bytes() for path in lab.acquire("b-1", 3000, 3, 3, tmp_path / "more")]
    assert len(good) == 3
    lab = open_lab()
    right = [path.read_bytes() for path in lab.acquire("b-1", 3000, 6, 0, tmp_path / "right")]
    assert [a == b for a, b in zip([*taken, *good], right, strict=True)] == [
        True,
        False,
        True,
        True,
        True,
        True,
    ]


def test_a_scenario_of_what_the_lab_does_not_have_is_refused(open_lab: OpenLab) -> None:
    with pytest.raises(LabError, match="probe_nan concerns redox_mV, which it does not have"):
        open_lab({"kind": "probe_nan", "at": "1 min", "quantity": "redox_mV"})


def test_other_faults_leave_pixels_as_they_are() -> None:
    pixels = np.full((20, 30), 90, np.uint8)
    rng = np.random.default_rng(0)
    assert spoilt(pixels, Fault(kind="corrupt_file", field=1), rng) is pixels
