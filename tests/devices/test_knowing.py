"""What is known of a reactor whose batch was done while nobody was there."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.labfile import load_lab
from devices.laboratory import Laboratory

LABS = Path(__file__).parents[2] / "campaigns" / "library" / "labs"
CONDITIONS = {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2, "time_min": 60.0}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Laboratory]:
    """The shipped lab, in which the batch b-1 is done."""
    file = tmp_path / "lab.yaml"
    shutil.copy(LABS / "simulated-lmr.yaml", file)
    with load_lab(file, state_dir=tmp_path / "state", seed=0) as opened:
        opened.synthesise("b-1", CONDITIONS)
        yield opened


def stand(lab: Laboratory, **elsewhere: float | str) -> None:
    """Have the read-backs as the batch had them, as a client leaves them that is killed; but for some."""
    record = lab.reactor_record("b-1")
    assert record is not None
    for name, value in {**record.conditions, **elsewhere}.items():
        getattr(lab.reactor.set_points, name).readback.put(value)


def test_a_plan_that_came_to_its_end_left_nothing_standing(lab):
    assert not lab.left_standing("b-1")
    assert not lab.left_standing("b-2")  # a key that was never used


def test_what_was_left_is_brought_to_rest_once(lab):
    stand(lab, temperature_C=49.2)  # as near as a reading comes
    assert lab.left_standing("b-1")
    lab.rest("b-1")
    assert lab.reactor.setting()["pH"] == 7.0
    assert not lab.left_standing("b-1")


def test_a_reactor_that_somebody_moves_is_left_alone(lab):
    stand(lab, stirring_rpm=100.0)
    assert not lab.left_standing("b-1")
    lab.rest("b-1")
    assert lab.reactor.set_points.pH.readback.get() == 10.5


def test_without_limits_nothing_is_moved(lab, tmp_path):
    stand(lab)
    (tmp_path / "lab.yaml").unlink()
    assert not lab.left_standing("b-1")
    lab.rest("b-1")
    assert lab.reactor.set_points.pH.readback.get() == 10.5
