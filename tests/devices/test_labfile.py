from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devices.errors import LabError
from devices.labfile import load_lab, read_lab_file

SHIPPED = Path(__file__).parents[2] / "campaigns" / "library" / "labs"
SCENARIO = SHIPPED.parent / "faults" / "gas-loss.yaml"
WriteLab = Callable[..., Path]


@pytest.mark.parametrize("name", ["simulated-lmr.yaml", "simulated-membrane.yaml"])
def test_the_shipped_labs_open(name: str, tmp_path: Path) -> None:
    with load_lab(SHIPPED / name, state_dir=tmp_path, seed=0) as lab:
        assert lab.simulated
        assert lab.clock.iso() == "2026-01-01T00:00:00Z"
        assert all(limit.choices or limit.low < limit.high for limit in lab.limits.values())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c.pop("simulated"), "simulated: Field required"),
        (lambda c: c.update(simulated="yes"), "simulated"),
        (lambda c: c.update(colour="red"), "colour: Extra inputs are not permitted"),
        (lambda c: c["reactor"]["set_points"]["pH"].update(low="acid"), "reactor.set_points.pH.low"),
        (lambda c: c["reactor"]["set_points"]["pH"].update(low=13), "is not below high"),
        (lambda c: c["reactor"]["set_points"]["pH"].pop("low"), "expected either low and high, or choices"),
        (lambda c: c["reactor"]["set_points"]["pH"].update(default=2), "pH"),
        (lambda c: c["reactor"].update({"class": "no import string"}), "reactor.class"),
        (lambda c: c["reactor"].update({"class": "sim.nowhere:Reactor"}), "cannot be imported"),
        (lambda c: c["reactor"].update({"class": "sim.reactor:Kettle"}), "sim.reactor has no Kettle"),
        (lambda c: c["reactor"]["options"].update(volume=3), "options it cannot take"),
        (
            lambda c: c.update(stations={"washer": {"class": "devices.station:Station"}}),
            "Station, which is no whole device: it lacks done, make_safe, result, set",
        ),
        (lambda c: c["reactor"]["set_points"]["pH"]["options"].update(lag=3), "no option lag"),
        (lambda c: c.update(simulated=False), "says simulated: false, but its reactor is simulated"),
        (lambda c: c["backend"]["options"].update(plant="sim.lmr:Nothing"), "sim.lmr:Nothing"),
        (lambda c: c["backend"]["options"].update(start="tomorrow"), "'tomorrow' is no date"),
        (lambda c: c["backend"]["options"].update(real_time_factor=-1), "real_time_factor is -1"),
    ],
)
def test_a_wrong_lab_file_gets_one_clear_sentence(change, told: str, open_lab) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LabError) as error:
        open_lab(change)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [("", "empty"), ("a: [", "not YAML"), ("- 1", "not a mapping"), (None, "cannot be read")],
)
def test_what_is_no_lab_file(content: str | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(LabError, match=told):
        read_lab_file(path)


def test_a_given_pace_goes_before_that_of_the_lab_file(write_lab: WriteLab, tmp_path: Path) -> None:
    path = write_lab(lambda content: content["backend"]["options"].update(real_time_factor=1e-3))
    with load_lab(path, state_dir=tmp_path / "state", seed=0, real_time_factor=3600.0) as lab:
        # An hour in one second, and an allowance for computing.
        assert lab.clock.wall_seconds(3600.0) - lab.clock.wall_seconds(0.0) == pytest.approx(1.0)
    with pytest.raises(LabError, match="real_time_factor is 0"):
        load_lab(path, state_dir=tmp_path / "none", seed=0, real_time_factor=0.0)


@pytest.mark.parametrize("name", ["ioc-lmr.yaml", "manual-lmr.yaml"])
@pytest.mark.parametrize("simulation", [{"faults": SCENARIO}, {"real_time_factor": 60.0}])
def test_a_lab_elsewhere_takes_no_faults_and_no_pace(
    name: str, simulation: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(LabError, match="describes no simulated lab that runs in this process"):
        load_lab(SHIPPED / name, state_dir=tmp_path, seed=0, **simulation)
