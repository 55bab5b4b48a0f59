import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devices.errors import LabError, LabStopped, NeedsPerson, SampleLost
from devices.manual.board import Board
from devices.manual.task import Task

pytestmark = pytest.mark.slow

CONDITIONS = {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2, "time_min": 480.0, "atmosphere": "N2"}


def in_the_background(work: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Runs ``work``; the list gets what it returns, or the error."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(work())
        except LabError as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def asked(board: Board, task_id: str) -> Task:
    deadline = time.monotonic() + 10
    while (task := board.task(task_id)) is None or task.state != "waiting":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return task


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "state" / "manual")


def test_a_person_makes_the_batch_and_types_what_was_reached(open_manual_lab, board, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    lab = open_manual_lab()
    thread, outcome = in_the_background(lambda: lab.synthesise("b-1", CONDITIONS))
    task = asked(board, "b-1@reactor")
    assert {ask.told() for ask in task.asks} >= {"pH = 10.5", "time_min = 480 min", "temperature_C = 50 °C"}
    assert any("Purge" in line for line in task.instructions)
    with pytest.raises(LabError, match="busy with another plan"):
        lab.synthesise("b-2", CONDITIONS)
    typed = {"temperature_C": "72", "started": "2026-03-01T08:00+00:00", "finished": "2026-03-01T16:10+00:00"}
    board.confirm(task.id, typed, author="ann")
    thread.join(10)
    (record,) = outcome
    assert (record.state, record.starts, record.started_at) == ("done", 1, "2026-03-01T08:00:00Z")
    assert record.finished_at == "2026-03-01T16:10:00Z"
    assert record.conditions == {
        **CONDITIONS,
        "stirring_rpm": 1000.0,
        "total_metal_M": 2.0,
        "temperature_C": 50.0,
    }
    assert record.reached == {"temperature_C": 72.0}
    # What was reached outside the limits happened: it is recorded and flagged.
    assert lab.reactor.alarms() == ["temperature_C = 72 °C is outside 20 to 70 °C"]
    (run,) = (tmp_path / "state" / "runs").glob("b-1-synthesise-*.jsonl")
    documents = [json.loads(line) for line in run.read_text().splitlines()]
    (event,) = [one["document"]["data"] for one in documents if one["name"] == "event"]
    assert event["reactor_set_points_temperature_C_readback"] == 72.0
    assert event["reactor_set_points_pH_readback"] == 10.5
    # The key is remembered: nobody is asked again.
    assert lab.synthesise("b-1", CONDITIONS) == record


def test_what_is_asked_for_outside_limits_is_refused(open_manual_lab, board) -> None:  # type: ignore[no-untyped-def]
    lab = open_manual_lab()
    with pytest.raises(LabError, match="temperature_C = 90 °C is outside"):
        lab.synthesise("b-1", {**CONDITIONS, "temperature_C": 90.0})
    assert board.tasks() == []


def test_a_rejected_batch_is_lost_and_says_why(open_manual_lab, board) -> None:  # type: ignore[no-untyped-def]
    lab = open_manual_lab()
    thread, outcome = in_the_background(lambda: lab.synthesise("b-1", CONDITIONS))
    board.reject(asked(board, "b-1@reactor").id, "no NaOH left", author="ann")
    thread.join(10)
    assert "rejected by ann: no NaOH left" in str(outcome[0])
    record = lab.reactor_record("b-1")
    assert (record.state, record.reason) == ("fault", "rejected by ann: no NaOH left")
    with pytest.raises(LabError, match="mint a new key"):
        lab.synthesise("b-1", CONDITIONS)


def test_a_stop_withdraws_the_task_and_the_person_is_told(open_manual_lab, board) -> None:  # type: ignore[no-untyped-def]
    lab = open_manual_lab()
    thread, outcome = in_the_background(lambda: lab.synthesise("b-1", CONDITIONS))
    task = asked(board, "b-1@reactor")
    lab.stop("smoke in the fume hood")
    thread.join(10)
    assert isinstance(outcome[0], LabStopped)
    with pytest.raises(LabError, match=r"withdrawn by the program at .* \(smoke in the fume hood\)"):
        board.confirm(task.id, {}, author="ann")
    assert "smoke in the fume hood" in lab.reactor_record("b-1").reason


def test_ctrl_c_withdraws_the_task(open_manual_lab, board) -> None:  # type: ignore[no-untyped-def]
    lab = open_manual_lab()

    def interrupt() -> None:
        asked(board, "b-1@reactor")
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        lab.synthesise("b-1", CONDITIONS)
    task = board.task("b-1@reactor")
    assert task is not None
    assert (task.state, task.reason) == ("withdrawn", "interrupted by a person (Ctrl-C)")


def test_a_late_person_is_waited_for_again(open_manual_lab, board) -> None:  # type: ignore[no-untyped-def]
    lab = open_manual_lab(lambda c: c["reactor"]["options"].update(timeout_h=0.5 / 3600))
    with pytest.raises(NeedsPerson, match="Nobody confirmed the batch b-1 within"):
        lab.synthesise("b-1", CONDITIONS)
    assert board.waiting("b-1").state == "waiting"
    board.confirm("b-1@reactor", {}, author="ann")
    assert lab.synthesise("b-1", CONDITIONS).starts == 1


def test_after_a_crash_the_same_task_is_waited_for(open_manual_lab, board) -> None:  # type: ignore[no-untyped-def]
    first = open_manual_lab()
    first.reactor.batch._closed = lambda task: None  # as if its process were gone
    thread, outcome = in_the_background(lambda: first.synthesise("b-1", CONDITIONS))
    posted = asked(board, "b-1@reactor")
    second = open_manual_lab()
    assert second.reactor_record("b-1").state == "running"
    assert second.reactor.run_id.get() == "b-1"
    with pytest.raises(LabError, match="busy with the batch b-1"):
        second.synthesise("b-2", CONDITIONS)
    board.confirm(posted.id, {}, author="ann")
    assert second.synthesise("b-1", CONDITIONS).starts == 1
    assert len(board.tasks()) == 1
    first.stop("the test is over")
    thread.join(10)
    assert isinstance(outcome[0], LabStopped)


def test_a_station_handles_the_sample_before_it_is_imaged(open_manual_lab, board, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    def sized(content) -> None:  # type: ignore[no-untyped-def]
        content["stations"] = {"sizing": {"class": "devices.manual.station:ManualSizer", "options": {}}}

    lab = open_manual_lab(sized)
    thread, outcome = in_the_background(lambda: lab.acquire("b-1", 3000, 1, 0, tmp_path / "images"))
    task = asked(board, "b-1@sizing")
    assert task.ascending == ("d10_um", "d50_um", "d90_um")
    board.confirm(task.id, {"d10_um": "4", "d50_um": "8.1", "d90_um": "14"}, author="ann")
    image = asked(board, "b-1@microscope-3000x-000")
    assert str(tmp_path / "sem") in image.instructions[0]
    assert lab.stations[0].result("b-1") == {"d10_um": 4.0, "d50_um": 8.1, "d90_um": 14.0}
    (run,) = (tmp_path / "state" / "runs").glob("b-1-sizing-*.jsonl")
    assert '"sizing_results_d50_um": 8.1' in run.read_text()
    board.reject(image.id, "the sample fell down", author="ann")
    thread.join(10)
    assert isinstance(outcome[0], SampleLost)
    assert "rejected by ann: the sample fell down" in str(outcome[0])
    assert lab.stations[0].done("b-1")


def test_a_station_that_was_stopped_is_asked_again_and_a_rejected_one_is_not(  # type: ignore[no-untyped-def]
    open_manual_lab, board, tmp_path: Path
) -> None:
    lab = open_manual_lab()
    for closing in ("stop", "reject"):
        thread, outcome = in_the_background(lambda: lab.acquire("b-1", 3000, 1, 0, tmp_path / "images"))
        task = asked(board, "b-1@washing")
        if closing == "stop":
            lab.stop("lunch")
            thread.join(10)
            assert isinstance(outcome[0], LabStopped)
        else:
            board.reject(task.id, "spilled", author="ann")
            thread.join(10)
            assert "The washing of b-1 was rejected by ann: spilled" in str(outcome[0])
    with pytest.raises(SampleLost, match="rejected by ann: spilled"):
        lab.acquire("b-1", 3000, 1, 0, tmp_path / "images")
