"""What ends a run under faults, and how it goes on: rows of docs/faults.md."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from devices.errors import LabDown, LabError
from tests.flows.faults.conftest import Loop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LIBRARY = Path(__file__).parents[3] / "campaigns" / "library"


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
