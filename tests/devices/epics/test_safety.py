"""Whoever dies, the plant is safe within its watchdog's time or goes on under the same key, started once."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from devices.errors import LabError, LabStopped
from devices.labfile import load_lab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

DRIVER = """
import sys
from pathlib import Path
from devices.labfile import load_lab

with load_lab(Path(sys.argv[1]), state_dir=Path(sys.argv[2]), seed=3) as lab:
    lab.synthesise("b-1", {conditions!r}, progress=lambda line: print(line, flush=True))
"""


def events(state: Path) -> list[tuple[object, ...]]:
    """What the controller's journal tells of batches and stops."""
    lines = (state / "simulated-lab" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines[1:]]
    wanted = [entry for entry in entries if entry["event"] in ("start", "done", "stopped")]
    return [
        (entry["event"], entry["key"], *([entry["reason"]] if "reason" in entry else [])) for entry in wanted
    ]


def killed_while_reacting(file: Path, folder: Path, conditions: dict[str, float | str]) -> None:
    """A client that begins the batch b-1 and is killed in the middle of it."""
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER.format(conditions=conditions), str(file), str(folder / "killed")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert driver.stdout is not None
    for line in driver.stdout:
        if "reacting" in line:
            break
    driver.kill()
    driver.wait(10)
    driver.stdout.close()


class Running:
    """A lab that synthesises b-1 in a thread, from when it reacts on."""

    def __init__(self, lab, conditions) -> None:
        self.ending: list[object] = []
        reacting = threading.Event()

        def run() -> None:
            try:
                tell = lambda line: reacting.set() if "reacting" in line else None  # noqa: E731
                self.ending.append(lab.synthesise("b-1", conditions, progress=tell))
            except LabError as error:
                self.ending.append(error)

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert reacting.wait(30)

    def end(self) -> object:
        self._thread.join(60)
        return self.ending[0]


def test_a_client_that_is_killed_leaves_a_safe_plant(serve, conditions, tmp_path):
    served = serve("--watchdog", "1.5", "--real-time-factor", "3000")
    # Even one set-point away from its safe value is watched.
    served.put("Reactor:pH", 10.0)
    assert served.get("Watchdog") == "watching"
    assert 1.0 < served.until("Watchdog", "tripped") < 4.0
    assert served.get("Reactor:pH") == 7.0
    killed_while_reacting(served.lab_file(), tmp_path, conditions)
    assert served.get("Reactor:Running") == "b-1"
    assert served.until("Watchdog", "tripped") < 4.0
    reason = "no heartbeat from the client for 1.5 s"
    assert (served.get("Reactor:State"), served.get("Reactor:Reason")) == ("stopped", reason)
    assert (served.get("Reactor:temperature_C"), served.get("Reactor:naoh_factor")) == (25.0, 0.0)
    with load_lab(served.lab_file(), state_dir=tmp_path / "next", seed=3) as lab:
        record = lab.reactor_record("b-1")
        assert record is not None
        assert (record.state, record.starts, record.reason) == ("fault", 1, reason)
        with pytest.raises(LabError, match=r"ended in a fault \(no heartbeat"):
            lab.synthesise("b-1", conditions)
        short = {**conditions, "time_min": 10.0}
        assert lab.synthesise("b-2", short).starts == 1
    assert served.get("Watchdog") == "resting"
    assert events(served.state) == [
        ("stopped", None, reason),
        ("start", "b-1"),
        ("stopped", "b-1", reason),
        ("start", "b-2"),
        ("done", "b-2"),
    ]


def test_a_client_that_comes_back_in_time_goes_on_with_the_same_batch(serve, conditions, tmp_path):
    served = serve("--watchdog", "10", "--real-time-factor", "4000")
    killed_while_reacting(served.lab_file(), tmp_path, conditions)
    with load_lab(served.lab_file(), state_dir=tmp_path / "next", seed=3) as lab:
        running = lab.reactor_record("b-1")
        assert running is not None
        assert (running.state, lab.reactor.run_id.get()) == ("running", "b-1")
        with pytest.raises(LabError, match="busy with the batch b-1"):
            lab.synthesise("b-2", conditions)
        with pytest.raises(LabError, match=r"was started under the key b-1 with pH = 10.5 and not 11"):
            lab.synthesise("b-1", {**conditions, "pH": 11.0})
        served.put("Reactor:pH", 11.0)
        assert "The batch b-1 runs, and its set-points stand" in served.get("Refusal")
        record = lab.synthesise("b-1", conditions)
    assert (record.state, record.starts) == ("done", 1)
    assert events(served.state) == [("start", "b-1"), ("done", "b-1")]


def test_what_a_killed_client_left_standing_is_brought_to_rest_by_the_next(serve, conditions, tmp_path):
    served = serve("--watchdog", "60", "--real-time-factor", "4000")
    killed_while_reacting(served.lab_file(), tmp_path, conditions)
    served.until("Reactor:Running", "", 30)
    assert served.get("Reactor:pH") == conditions["pH"]
    with load_lab(served.lab_file(), state_dir=tmp_path / "next", seed=3) as lab:
        assert lab.left_standing("b-1")
        record = lab.synthesise("b-1", conditions)
        served.until("Reactor:pH:RBV", 7.0)
        served.until("Reactor:stirring_rpm:RBV", 0.0)
        deadline = time.monotonic() + 15
        while lab.left_standing("b-1"):  # until the read-backs are here, too
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert (record.state, record.starts) == ("done", 1)
    assert events(served.state) == [("start", "b-1"), ("done", "b-1")]


def test_a_controller_that_is_killed_goes_on_with_its_batch(serve, conditions, tmp_path):
    served = serve("--real-time-factor", "4000")
    with load_lab(served.lab_file(), state_dir=tmp_path / "client", seed=3) as lab:
        running = Running(lab, conditions)
        served.kill()
        served.begin()
        record = running.end()
    assert getattr(record, "state", record) == "done"
    assert served.get("Reactor:Starts") == 1
    assert events(served.state) == [("start", "b-1"), ("done", "b-1")]


def test_a_controller_that_stays_away_ends_the_plan(serve, conditions, tmp_path):
    served = serve("--real-time-factor", "4000")

    def impatient(content) -> None:
        content["backend"]["options"].update(patience_s=1.0, reply_s=1.0)

    with load_lab(served.lab_file(impatient), state_dir=tmp_path / "client", seed=3) as lab:
        running = Running(lab, conditions)
        served.kill()
        begin = time.monotonic()
        error = running.end()
        assert "The controller does not answer to" in str(error)
        assert time.monotonic() - begin < 15
        with pytest.raises(LabError, match="The controller does not answer to"):
            lab.reactor_record("b-1")


def test_the_emergency_stop_goes_before_everything(serve, conditions, tmp_path):
    served = serve("--real-time-factor", "4000")
    with load_lab(served.lab_file(), state_dir=tmp_path / "client", seed=3) as lab:
        running = Running(lab, conditions)
        served.put("EmergencyStop", 1)
        assert served.get("Reactor:temperature_C") == 25.0
        error = running.end()
        assert isinstance(error, LabStopped)
        assert "the emergency stop was pressed" in str(error)
        record = lab.reactor_record("b-1")
        assert record is not None
        assert (record.state, record.reason) == ("fault", "the emergency stop was pressed")
        short = {**conditions, "time_min": 10.0}
        with pytest.raises(LabError, match=r"did not take \w+ = .* \(The emergency stop is pressed"):
            lab.synthesise("b-2", short)
        served.put("Reactor:RunId", "b-3")
        served.put("Reactor:Start", 1)
        assert served.get("Refusal") == "The emergency stop is pressed; release it first."
        assert served.get("Reactor:Starts") == 1
        served.put("EmergencyStop", 0)
        assert lab.synthesise("b-2", short).state == "done"
