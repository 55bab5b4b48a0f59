"""Checking a lab, and answering its tasks, from the command line."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from cli.main import run
from devices.labfile import load_lab
from devices.manual.board import Board
from devices.manual.task import Ask, Task
from tests.conftest import LIBRARY


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    with pytest.raises(SystemExit) as end:
        run(["lab", *arguments])
    out, err = capsys.readouterr()
    assert end.value.code == status, err + out
    return out if status < 2 else err


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict:
    return json.loads(said(capsys, *arguments, "--json", status=status))


def lab_file(folder: Path, name: str, change) -> Path:  # type: ignore[no-untyped-def]
    content = yaml.safe_load((LIBRARY / "labs" / name).read_text(encoding="utf-8"))
    change(content)
    path = folder / name
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["simulated-lmr.yaml", "simulated-membrane.yaml"])
def test_the_shipped_simulated_labs_are_fit(name: str, capsys, home: Path) -> None:  # type: ignore[no-untyped-def]
    report = told(capsys, "check", str(LIBRARY / "labs" / name))
    assert report["ok"]
    assert [row["device"] for row in report["devices"]] == ["backend", "reactor", "microscope"]
    assert not home.exists()  # a lab that may run is not looked into


def test_the_manual_lab_is_fit_once_its_folder_is_there(tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "sem"
    path = lab_file(
        tmp_path, "manual-lmr.yaml", lambda c: c["microscope"]["options"].update(folder=str(folder))
    )
    rows = {row["device"]: row for row in told(capsys, "check", str(path), status=1)["devices"]}
    assert [name for name, row in rows.items() if not row["ok"]] == ["microscope"]
    assert f"the watched folder {folder} is not there" in rows["microscope"]["faults"][0]
    folder.mkdir()
    assert said(capsys, "check", str(path)).count("ok  ") == 3


def of_class(section: str, name: str):  # type: ignore[no-untyped-def]
    return lambda content: content[section].update({"class": name, "options": {}})


def point(name: str, **about: object):  # type: ignore[no-untyped-def]
    return lambda content: content["reactor"]["set_points"][name].update(about)


def without_plant(content) -> None:  # type: ignore[no-untyped-def]
    content["backend"]["options"].update(plant="sim.lmr:No")


@pytest.mark.parametrize(
    ("change", "device", "fault"),
    [
        (of_class("reactor", "sim.nowhere:R"), "reactor", "cannot be imported"),
        (of_class("microscope", "sim.reactor:SimulatedReactor"), "microscope", "cannot take"),
        (of_class("microscope", "devices.checking:DeviceCheck"), "microscope", "cannot take"),
        (point("pH", safe=2), "reactor", "safe value: pH = 2 is outside"),
        (point("time_min", unit="parsnip"), "reactor", "'parsnip' is not known"),
        (without_plant, "backend", "sim.lmr:No"),
        (without_plant, "reactor", "was not tried"),
    ],
)
def test_what_is_wrong_with_a_device_is_said_in_its_row(change, device, fault, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    path = lab_file(tmp_path, "simulated-lmr.yaml", change)
    report = told(capsys, "check", str(path), status=1)
    (row,) = [row for row in report["devices"] if row["device"] == device]
    assert any(fault in one for one in row["faults"]), row


def test_a_device_that_answers_that_it_is_unwell(tmp_path, capsys, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("sim.reactor.SimulatedReactor.check", lambda self: ["the pump leaks"])
    monkeypatch.setattr("sim.microscope.SimulatedMicroscope.connected", False)
    report = said(capsys, "check", str(LIBRARY / "labs" / "simulated-lmr.yaml"), status=1)
    assert "FAIL reactor      the pump leaks" in report
    assert "microscope is not connected" in report


def post(home: Path, key: str = "b-1") -> Board:
    board = Board(home / "manual")
    ask = Ask(name="temperature_C", unit="°C", low=20, high=70, asked=50.0)
    about = {"device": "reactor", "title": "Make the batch", "instructions": ("Purge.",), "asks": (ask,)}
    board.post(Task(id=f"{key}@reactor", key=key, asked_at="2026-01-01T08:00:00Z", **about))  # type: ignore[arg-type]
    return board


def test_tasks_are_shown_and_confirmed(home, capsys) -> None:  # type: ignore[no-untyped-def]
    assert said(capsys, "tasks") == "Nothing waits for a person.\n"
    board = post(home)
    shown = said(capsys, "tasks")
    assert "b-1@reactor: Make the batch" in shown
    assert "temperature_C = 50 °C" in shown
    assert "1. Purge." in shown
    answered = told(
        capsys, "confirm", "b-1", "--set", "temperature_C=71", "--set", "remarks=hot day", "--author", "ann"
    )
    assert answered["flags"] == ["temperature_C = 71 °C is outside 20 to 70 °C"]
    task = board.task("b-1@reactor")
    assert task is not None
    assert task.answer is not None
    assert (task.state, task.answer.author, task.answer.remarks) == ("done", "ann", "hot day")
    assert "waits no more: confirmed by ann" in said(capsys, "confirm", "b-1", status=2)
    assert told(capsys, "tasks") == {"tasks": []}
    assert "reached temperature_C = 71.0" in said(capsys, "tasks", "--all")


def test_a_task_is_rejected_with_its_reason(home, capsys) -> None:  # type: ignore[no-untyped-def]
    board = post(home)
    assert "leave out --set" in said(
        capsys, "confirm", "b-1", "--reject", "no", "--set", "temperature_C=1", status=2
    )
    assert "is rejected" in said(capsys, "confirm", "b-1", "--reject", "no NaOH left")
    assert (board.task("b-1@reactor") or post(home)).reason == "no NaOH left"


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [("temperature_C", "expects name=value"), ("pressure=1", "does not ask for pressure")],
)
def test_what_cannot_be_typed(setting: str, sentence: str, home, capsys) -> None:  # type: ignore[no-untyped-def]
    post(home)
    assert sentence in said(capsys, "confirm", "b-1", "--set", setting, status=2)
    assert "given twice" in said(
        capsys, "confirm", "b-1", "--set", "temperature_C=1", "--set", "temperature_C=2", status=2
    )


def test_the_status_of_a_manual_lab(home, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "sem").mkdir()
    path = lab_file(
        tmp_path,
        "manual-lmr.yaml",
        lambda c: c["microscope"]["options"].update(folder=str(tmp_path / "sem")),
    )
    values = {value["name"]: value for value in told(capsys, "status", str(path))["values"]}
    assert values["temperature_C"]["value"] is None  # nobody has said what it is
    conditions = {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2, "time_min": 480.0}
    with load_lab(path, state_dir=home, seed=0) as lab:
        worker = threading.Thread(target=lab.synthesise, args=("b-1", conditions))
        worker.start()
        board = Board(home / "manual")
        while not board.tasks():
            worker.join(0.05)
            assert worker.is_alive()
        said(capsys, "confirm", "b-1", "--set", "temperature_C=71")
        worker.join(10)
    status = told(capsys, "status", str(path))
    assert (status["reactor"]["run_id"], status["reactor"]["starts"], status["held"]) == ("b-1", 1, False)
    values = {value["name"]: value["value"] for value in status["values"]}
    assert (values["temperature_C"], values["pH"]) == (71.0, 10.5)
    assert "temperature_C = 71 °C is outside 20 to 70 °C" in status["alarms"]


@pytest.mark.slow
def test_a_sample_that_a_person_gave_up_ends_the_experiment() -> None:
    from campaigns.specification.failures import Failures
    from devices.errors import SampleLost
    from flows.steps.image import ExperimentLost, _acquired

    def acquire(*_: object) -> list[Path]:
        raise SampleLost("The washing of b-1 was rejected by ann: spilled.")

    worker = SimpleNamespace(
        root=Path(),
        laboratory=SimpleNamespace(acquire=acquire, name="bench"),
        campaign=SimpleNamespace(failures=Failures()),
    )
    experiment = SimpleNamespace(id="e-1", dispatch_key="b-1")
    with pytest.raises(ExperimentLost, match="spilled"):
        _acquired(worker, experiment, SimpleNamespace(magnification=3000), 0, 1, "sem")  # type: ignore[arg-type]
