"""Stopping and watching a lab from outside, while a real second process drives it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from cli.main import run
from devices.errors import LabError, LabStopped
from devices.labfile import load_lab
from tests.conftest import LIBRARY

pytestmark = pytest.mark.slow

# Drives the lab as the campaign's flow does; says what happens, a line at a time.
DRIVER = """
import sys
from pathlib import Path
from devices.errors import LabError
from devices.labfile import load_lab

conditions = {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2}
lab_file, state, root = map(Path, sys.argv[1:4])
with load_lab(lab_file, state_dir=state, seed=3, stop_dir=root) as lab:
    for key in sys.argv[4:]:
        try:
            conditions["time_min"] = 180.0 if key.startswith("short") else 1440.0
            lab.synthesise(key, conditions, progress=lambda line: print(line, flush=True))
        except LabError as error:
            print(type(error).__name__, error, flush=True)
    sys.stdin.read(1)
"""


@pytest.fixture
def lab_file(tmp_path: Path) -> Path:
    """The shipped simulated lab, at a speed at which a batch takes minutes."""
    content = yaml.safe_load((LIBRARY / "labs" / "simulated-lmr.yaml").read_text(encoding="utf-8"))
    # The ramps take 37 virtual minutes, 0.3 s here; the batch would take a quarter of a minute.
    content["backend"]["options"]["real_time_factor"] = 6000.0
    path = tmp_path / "lab.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


class Driver:
    def __init__(self, lab_file: Path, home: Path, *keys: str) -> None:
        self.state = home / "simulated" / "labs" / "c-1"
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(lab_file), str(self.state), str(home / "simulated"), *keys],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self, words: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if words in line:
                return line
        raise AssertionError(f"the driver ended without saying {words}")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def drive(lab_file: Path, home: Path) -> Iterator[Callable[..., Driver]]:
    drivers: list[Driver] = []

    def drive_(*keys: str) -> Driver:
        drivers.append(Driver(lab_file, home, *keys))
        return drivers[-1]

    yield drive_
    for driver in drivers:
        driver.end()


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    with pytest.raises(SystemExit) as end:
        run(["lab", *arguments])
    out, err = capsys.readouterr()
    assert end.value.code == status, err + out
    return out if status < 2 else err


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict:
    return json.loads(said(capsys, *arguments, "--json", status=status))


def test_a_lab_that_another_process_drives_is_stopped_within_a_second(drive, lab_file, home, capsys) -> None:  # type: ignore[no-untyped-def]
    driver = drive("b-1", "b-2")
    driver.says("reacting")
    began = time.monotonic()
    report = told(capsys, "stop", str(lab_file), "--reason", "smoke in the fume hood", "--author", "ann")
    stopped = driver.says("LabStopped")
    assert time.monotonic() - began < 3  # a second, and a busy machine
    assert "smoke in the fume hood (ordered by ann" in stopped
    (outcome,) = report["outcomes"]
    assert (outcome["process"], outcome["stopped"]) == (driver.process.pid, True)
    # The reason is in the record of the run, and nothing starts meanwhile.
    again = driver.says("Nothing was started, because the lab simulated-lmr is stopped")
    assert f"morpholoop lab clear {lab_file}" in again
    journal = (driver.state / "simulated-lab" / "journal.jsonl").read_text()
    entries = [json.loads(line) for line in journal.splitlines()[1:]]
    assert [(entry["event"], entry["key"]) for entry in entries] == [("start", "b-1"), ("stopped", "b-1")]
    assert "smoke in the fume hood" in entries[1]["reason"]
    status = told(capsys, "status", str(lab_file))
    assert status["held"]
    assert status["last_stop"]["reason"] == "smoke in the fume hood"
    assert status["stop_order"]["author"] == "ann"
    assert status["reactor"]["running"] is None
    # Also for another process, until it is cleared.
    driver.end()
    root = home / "simulated"
    with load_lab(lab_file, state_dir=driver.state, seed=3, stop_dir=root) as lab:
        with pytest.raises(LabStopped, match="smoke in the fume hood"):
            lab.synthesise("b-3", {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2, "time_min": 30})
        with pytest.raises(LabStopped, match="smoke in the fume hood"):
            lab.acquire("b-1", 3000, 1, 0, home)
        assert "smoke in the fume hood" in said(capsys, "clear", str(lab_file))
        with pytest.raises(LabError, match="no sample of b-1"):
            lab.acquire("b-1", 3000, 1, 0, home)
    assert said(capsys, "clear", str(lab_file)) == "No stop order stands.\n"


def test_looking_at_a_lab_that_runs_does_not_disturb_it(drive, lab_file, home, capsys) -> None:  # type: ignore[no-untyped-def]
    driver = drive("short-1")
    driver.says("reacting")
    journal = driver.state / "simulated-lab" / "journal.jsonl"
    before = journal.read_bytes()
    deadline = time.monotonic() + 10
    while (status := told(capsys, "status", str(lab_file)))["reactor"]["state"] != "reacting":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (status["held"], status["holder"]["pid"]) == (True, driver.process.pid)
    assert (status["reactor"]["running"], status["reactor"]["run_id"]) == ("short-1", "short-1")
    values = {value["name"]: value for value in status["values"]}
    assert values["pH"]["value"] == pytest.approx(10.5, abs=0.05)
    assert (values["temperature_C"]["unit"], values["temperature_C"]["high"]) == ("°C", 70.0)
    assert f"driven by process {driver.process.pid}" in said(capsys, "status", str(lab_file))
    assert journal.read_bytes() == before
    driver.says("reactor done")


def test_what_a_killed_process_left_running_is_stopped_directly(drive, lab_file, home, capsys) -> None:  # type: ignore[no-untyped-def]
    driver = drive("b-1")
    driver.says("reacting")
    driver.end()
    status = told(capsys, "status", str(lab_file))
    assert (status["held"], status["reactor"]["running"]) == (False, "b-1")
    report = told(capsys, "stop", str(lab_file), "--reason", "nobody is there")
    assert "the batch b-1 is lost" in report["outcomes"][0]["told"]
    assert told(capsys, "status", str(lab_file))["last_stop"]["reason"] == "nobody is there"
    with load_lab(lab_file, state_dir=driver.state, seed=3, attended=False) as lab:
        record = lab.reactor_record("b-1")
    assert record is not None
    assert (record.state, "nobody is there" in record.reason) == ("fault", True)


def test_a_lab_whose_file_was_spoilt_stops_all_the_same(drive, lab_file, home, capsys) -> None:  # type: ignore[no-untyped-def]
    driver = drive("b-1")
    driver.says("reacting")
    lab_file.write_text("name: [")
    report = told(capsys, "stop", str(lab_file), "--reason", "spoilt")
    assert report["stopped"]
    assert "spoilt" in driver.says("LabStopped")
    assert "Cleared: spoilt" in said(capsys, "clear", str(lab_file))


def test_a_process_that_does_not_answer_is_told(drive, lab_file, home, capsys, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import signal

    monkeypatch.setattr("devices.ordering.CONFIRM_S", 0.5)
    monkeypatch.setattr("sim.journal.PATIENCE_S", 0.2)
    driver = drive("b-1")
    driver.says("reacting")
    driver.process.send_signal(signal.SIGSTOP)
    told_ = said(capsys, "stop", str(lab_file), status=1)
    assert f"NOT CONFIRMED process {driver.process.pid} does not answer" in told_
    assert "hardware's own stop" in told_
    driver.process.send_signal(signal.SIGCONT)
    assert "stopped from the command line" in driver.says("LabStopped")


def test_any_file_named_stop_in_the_state_directory_is_an_order(drive, lab_file, home, capsys) -> None:  # type: ignore[no-untyped-def]
    driver = drive("b-1")
    driver.says("reacting")
    (driver.state / "STOP").write_text("written by hand\n")
    assert "written by hand" in driver.says("LabStopped")
    said(capsys, "clear", str(lab_file))
    assert not (driver.state / "STOP").exists()


def test_a_lab_where_nothing_runs_is_stopped_for_whoever_comes(lab_file, home, capsys) -> None:  # type: ignore[no-untyped-def]
    assert "nothing runs" in said(capsys, "stop", str(lab_file))
    with load_lab(lab_file, state_dir=home / "x", seed=0, stop_dir=home / "simulated") as lab:
        with pytest.raises(LabStopped, match="Nothing was started"):
            lab.synthesise("b-1", {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2, "time_min": 30})
        assert lab.reactor_record("b-1") is None


def test_unusable_lab_files_are_status_2(tmp_path, home, capsys) -> None:  # type: ignore[no-untyped-def]
    for command in ("check", "status", "stop", "clear"):
        assert "cannot be read" in said(capsys, command, str(tmp_path / "none.yaml"), status=2)
    assert not list(home.glob("*")) if home.exists() else True


def test_orders_go_where_campaigns_look_for_them(home) -> None:  # type: ignore[no-untyped-def]
    from campaigns.ledger import ledger_path
    from devices.places import root

    for simulated in (False, True):
        assert root(home, simulated=simulated) == ledger_path(home, simulated=simulated).parent
