import threading
from pathlib import Path

import pytest

from devices.errors import LabError
from devices.manual.board import Board
from devices.manual.task import Ask, Task

ASKS = (
    Ask(name="pH", low=7.0, high=12.0, asked=10.5),
    Ask(name="atmosphere", choices=("N2", "O2"), asked="N2"),
)


def task(key: str = "b-1", **more: object) -> Task:
    about = {"device": "reactor", "title": "t", "asked_at": "2026-01-01T08:00:00Z", "asks": ASKS, **more}
    return Task(id=f"{key}@{about['device']}", key=key, **about)  # type: ignore[arg-type]


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "manual")


def test_a_task_is_asked_once_whoever_asks(board: Board) -> None:
    first = board.post(task())
    assert Board(board.folder).post(task(title="something else")) == first
    board.confirm("b-1@reactor", {}, author="ann")
    assert board.post(task()).state == "done"
    assert [one.title for one in board.tasks()] == ["t"]


def test_what_was_reached_is_kept_and_what_lies_outside_is_flagged(board: Board) -> None:
    board.post(task())
    typed = {
        "pH": "12.4",
        "atmosphere": "air",
        "remarks": "pump slipped",
        "started": "2026-01-01T09:00+00:00",
    }
    answer = board.confirm("b-1@reactor", typed, author="ann").answer
    assert answer is not None
    assert (answer.values, answer.remarks) == ({"pH": 12.4, "atmosphere": "air"}, "pump slipped")
    assert answer.flags == ("pH = 12.4 is outside 7 to 12", "atmosphere = 'air' is none of N2, O2")
    assert Board(board.folder).task("b-1@reactor") == board.task("b-1@reactor")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"ph": "10"}, r"does not ask for ph; it knows pH, atmosphere, started, finished, remarks"),
        ({"pH": "ten"}, "pH = 'ten' is no number"),
        ({"pH": "nan"}, "is no number"),
        ({"started": "noon"}, "started = 'noon' is no time"),
        ({"started": "2026-01-02T09:00", "finished": "2026-01-02T08:00"}, "lies before started"),
    ],
)
def test_what_cannot_be_meant_is_told_and_the_task_waits_on(board: Board, typed, told: str) -> None:  # type: ignore[no-untyped-def]
    board.post(task())
    with pytest.raises(LabError, match=told):
        board.confirm("b-1@reactor", typed, author="ann")
    assert board.waiting("b-1").id == "b-1@reactor"


def test_required_values_and_their_order(board: Board) -> None:
    asks = tuple(Ask(name=name, unit="µm", required=True) for name in ("d10_um", "d50_um"))
    board.post(task(asks=asks, ascending=("d10_um", "d50_um")))
    with pytest.raises(LabError, match="needs d50_um; add --set d50_um="):
        board.confirm("b-1@reactor", {"d10_um": "3"}, author="ann")
    with pytest.raises(LabError, match="d10_um ≤ d50_um does not hold for 3, 2"):
        board.confirm("b-1@reactor", {"d10_um": "3", "d50_um": "2"}, author="ann")


def test_of_two_people_one_wins_and_the_other_is_told(board: Board) -> None:
    board.post(task())
    start, told = threading.Barrier(8), []

    def answer(number: int) -> None:
        mine = Board(board.folder)
        start.wait(5)
        try:
            if number % 2:
                mine.reject("b-1@reactor", "no", author=f"p{number}")
            else:
                mine.confirm("b-1@reactor", {}, author=f"p{number}")
        except LabError as error:
            told.append(str(error))

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    winner = board.task("b-1@reactor")
    assert winner is not None
    assert len(told) == 7
    assert all(f"by {winner.closed_by} at" in one and "waits no more" in one for one in told)


def test_the_one_that_waits_is_found_by_its_dispatch_key(board: Board) -> None:
    with pytest.raises(LabError, match="what waits is nothing"):
        board.waiting("b-1")
    board.post(task())
    board.post(task(device="washing"))
    with pytest.raises(LabError, match="Several tasks of b-1 wait; name one of b-1@reactor, b-1@washing"):
        board.waiting("b-1")
    board.withdraw("b-1@reactor", "stopped")
    assert board.waiting("b-1").device == "washing"
    board.confirm("b-1@washing", {}, author="ann")
    with pytest.raises(LabError, match=r"b-1@washing waits no more: confirmed by ann"):
        board.waiting("b-1")


def test_a_damaged_task_is_told_and_not_asked_again(board: Board) -> None:
    board.post(task())
    (board.folder / "b-1@reactor.json").write_text('{"id": "b-1@rea')
    with pytest.raises(LabError, match="is damaged"):
        board.post(task())
