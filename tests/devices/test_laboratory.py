import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from devices.errors import LabError, LabStopped
from devices.images import read_provenance


def slowly(content) -> None:  # type: ignore[no-untyped-def]
    content["backend"]["options"]["real_time_factor"] = 1e-3


def journal(tmp_path: Path) -> list[dict[str, object]]:
    lines = (tmp_path / "state" / "simulated-lab" / "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


def test_a_batch_is_made_and_imaged(open_lab, conditions, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    lab, told = open_lab(), []
    record = lab.synthesise("b-1", conditions, progress=told.append)
    assert (record.state, record.starts, record.conditions["stirring_rpm"]) == ("done", 1, 1000.0)
    assert [line.split()[1] for line in told] == ["ramping", "feeding", "reacting", "sampling", "done"]
    assert lab.clock.hours() > 8.0
    assert lab.reactor.set_points.temperature_C.readback.get() == 25.0  # left safe
    paths = lab.acquire("b-1", 3000, 2, 3, tmp_path / "images")
    assert [path.name for path in paths] == ["b-1_3000x_003.tif", "b-1_3000x_004.tif"]
    provenance = read_provenance(paths[1])
    assert (provenance.key, provenance.field, provenance.simulated) == ("b-1", 4, True)
    assert provenance.pixel_size_um == pytest.approx(127000 / 3000 / 160)
    for path in (tmp_path / "state" / "runs").iterdir():
        documents = [json.loads(line) for line in path.read_text().splitlines()]
        assert [document["name"] for document in documents[:2]] == ["start", "descriptor"]
        assert documents[0]["document"]["key"] == "b-1"
        assert documents[-1]["document"]["exit_status"] == "success"


def test_a_key_starts_the_reactor_once(open_lab, conditions) -> None:  # type: ignore[no-untyped-def]
    lab = open_lab()
    first = lab.synthesise("b-1", conditions)
    hours = lab.clock.hours()
    assert lab.synthesise("b-1", conditions) == first
    assert (lab.clock.hours(), lab.reactor.starts.get()) == (hours, 1)
    with pytest.raises(LabError, match=r"started under the key b-1 with pH = 10.5 and not 10.0"):
        lab.synthesise("b-1", {**conditions, "pH": 10.0})
    assert lab.reactor_record("b-2") is None


def test_the_same_seed_gives_the_same_bytes(open_lab, conditions, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    contents = []
    for state, seed in (("one", 1), ("two", 1), ("three", 2)):
        lab = open_lab(state=state, seed=seed)
        lab.synthesise("b-1", conditions)
        paths = lab.acquire("b-1", 15000, 1, 0, tmp_path / state / "images")
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_nothing_moves_outside_the_limits(open_lab, write_lab, conditions, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    lab = open_lab()
    with pytest.raises(LabError, match="pH = 14 is outside"):
        lab.synthesise("b-1", {**conditions, "pH": 14.0})
    write_lab(lambda content: content["reactor"]["set_points"]["pH"].update(high=10.2))
    with pytest.raises(LabError, match=r"pH = 10.5 is outside 7 to 10.2"):
        lab.synthesise("b-1", conditions)
    with pytest.raises(LabError, match="limits forbid"):
        lab.reactor.set_points.pH.set(10.5)
    (tmp_path / "lab.yaml").unlink()
    for act in (lambda: lab.check(conditions), lambda: lab.synthesise("b-1", conditions)):
        with pytest.raises(LabError, match="Nothing was moved, because the limits"):
            act()
    assert lab.clock.hours() == 0.0
    assert not (tmp_path / "state" / "simulated-lab").exists()


def test_what_cannot_be_imaged(open_lab, conditions, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    lab = open_lab()
    with pytest.raises(LabError, match="no sample of b-1"):
        lab.acquire("b-1", 3000, 1, 0, tmp_path)
    with pytest.raises(LabError, match="magnification = 1e"):
        lab.acquire("b-1", 1e6, 1, 0, tmp_path)
    with pytest.raises(LabError, match="0 fields"):
        lab.acquire("b-1", 3000, 0, 0, tmp_path)
    with pytest.raises(LabError, match=r"dispatch key '\.\./b'"):
        lab.acquire("../b", 3000, 1, 0, tmp_path)


def until(holds) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_stop_from_another_thread_leaves_the_reactor_safe(open_lab, conditions, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    lab = open_lab(lambda c: c["backend"]["options"].update(real_time_factor=1e5))
    errors: list[BaseException] = []

    def work() -> None:
        try:
            lab.synthesise("b-1", {**conditions, "time_min": 1440})
        except LabError as error:
            errors.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    until(lambda: lab.reactor.state.get() == "reacting")
    with pytest.raises(LabError, match="busy"):
        lab.synthesise("b-0", conditions)
    lab.stop("smoke in the fume hood")
    worker.join(10)
    assert isinstance(errors[0], LabStopped)
    assert "smoke in the fume hood" in str(errors[0])
    record = lab.reactor_record("b-1")
    assert (record.state, record.reason, record.starts) == ("fault", "smoke in the fume hood", 1)
    assert lab.reactor.set_points.stirring_rpm.readback.get() == 0.0
    assert [entry["event"] for entry in journal(tmp_path)] == ["start", "stopped"]
    with pytest.raises(LabError, match="ended in a fault"):
        lab.synthesise("b-1", {**conditions, "time_min": 1440})
    assert lab.synthesise("b-2", {**conditions, "time_min": 10}).state == "done"


def test_ctrl_c_on_the_way_to_the_set_points(open_lab, conditions, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    lab = open_lab(slowly)

    def interrupt(line: str) -> None:
        until(lambda: lab.reactor.set_points.pH.setpoint.get() == 10.5)
        os.kill(os.getpid(), signal.SIGINT)

    def progress(line: str) -> None:
        threading.Thread(target=interrupt, args=(line,)).start()

    with pytest.raises(KeyboardInterrupt):
        lab.synthesise("b-1", conditions, progress=progress)
    assert lab.reactor_record("b-1") is None  # never started: the key may be used
    assert [(entry["event"], entry["key"]) for entry in journal(tmp_path)] == [("stopped", None)]
    assert "Ctrl-C" in str(journal(tmp_path)[0]["reason"])
    assert lab.reactor.set_points.pH.setpoint.get() == 7.0


def test_progress_may_stop_the_lab_and_is_told_in_the_callers_thread(open_lab, conditions) -> None:  # type: ignore[no-untyped-def]
    lab, threads = open_lab(slowly), []

    def progress(line: str) -> None:
        threads.append(threading.current_thread())
        lab.stop("the campaign is paused")

    with pytest.raises(LabStopped, match="the campaign is paused"):
        lab.synthesise("b-1", conditions, progress=progress)
    assert set(threads) == {threading.main_thread()}


def test_progress_that_fails_stops_the_lab(open_lab, conditions) -> None:  # type: ignore[no-untyped-def]
    lab = open_lab(slowly)
    with pytest.raises(ZeroDivisionError):
        lab.synthesise("b-1", conditions, progress=lambda line: 1 / 0)
    assert lab.reactor_record("b-1") is None
    assert lab.reactor.set_points.pH.setpoint.get() == 7.0
