"""Scenarios of faults: how they are read, and when what they name comes."""

import math
from pathlib import Path

import pytest

from devices.errors import LabError
from devices.labfile import check_faults
from sim.fault_schedule import FaultSchedule
from sim.faults import KINDS, Fault, Scenario, read_scenario
from sim.journal import Journal

LIBRARY = Path(__file__).parents[2] / "campaigns" / "library"


def test_every_shipped_scenario_can_be_read_and_every_kind_has_one() -> None:
    shipped = [read_scenario(path) for path in sorted((LIBRARY / "faults").glob("*.yaml"))]
    assert {fault.kind for one in shipped for fault in one.faults} == set(KINDS)
    assert len(KINDS) == 21
    assert all(one.description for one in shipped)


@pytest.mark.parametrize("path", sorted((LIBRARY / "faults").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_scenario_fits_a_shipped_lab(path: Path) -> None:
    lab = "simulated-membrane" if path.stem.endswith("membrane") else "simulated-lmr"
    check_faults(LIBRARY / "labs" / f"{lab}.yaml", path)


def test_everything_wrong_with_a_scenario_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(
        """
name: wrong
faults:
  - {kind: black_imag, field: 1}
  - {kind: power_cut, at: 95}
  - {kind: black_image, at: 5 min}
  - {kind: probe_nan, at: 5 min, rate: 1}
  - {kind: misfocused_image, field: 1, siz: 3}
  - {kind: stage_stuck, experiment: 0, field: 2}
  - {kind: feed_pump_stall, experiment: 2, rate: 0.1}
  - {kind: batch_effect, at: 3 min}
""",
        encoding="utf-8",
    )
    with pytest.raises(LabError) as told:
        read_scenario(file)
    sentence = str(told.value)
    for place in (
        "faults[0]: there is no fault 'black_imag'",
        "faults[1].at: expected a time with its unit",
        "faults[2]: black_image needs exactly one of field, rate",
        "faults[3]: probe_nan needs exactly one of at, rate",
        "faults[4].siz",
        "faults[5].experiment",
        "faults[6]: a rate holds in every experiment",
        "faults[7]: batch_effect holds for a whole batch",
    ):
        assert place in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("text", ["", "faults: []", "faults: [", "- 1"])
def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match="The scenario"):
        read_scenario(tmp_path / "s.yaml")
    with pytest.raises(LabError, match="cannot be read"):
        read_scenario(tmp_path / "none.yaml")


def test_rates_are_drawn_from_the_seed_alone(tmp_path: Path) -> None:
    scenario = Scenario(
        name="r", faults=(Fault(kind="feed_pump_stall", rate=0.1), Fault(kind="black_image", rate=4.0))
    )

    def drawn(seed: int) -> tuple[list[float], list[int]]:
        made = FaultSchedule(scenario, seed=seed, journal=Journal(tmp_path / "none", {}))
        minutes = [due.at_s / 60 for batch in range(1, 401) for due in made.in_batch(batch, 36000.0)]
        fields = [f for f in range(2000) if made.at_field("k", 3000, f, 1.5 / 60)]
        return minutes, fields

    minutes, fields = drawn(3)
    assert (minutes, fields) == drawn(3)
    assert drawn(4) != (minutes, fields)
    # 10 h at 0.1 an hour: 1 − 1/e of the batches; 1.5 min at 4 an hour: 9.5 % of the fields.
    assert len(minutes) / 400 == pytest.approx(1 - math.exp(-1), abs=0.08)
    assert len(fields) / 2000 == pytest.approx(1 - math.exp(-0.1), abs=0.025)
