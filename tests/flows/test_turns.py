import threading
from collections.abc import Callable

import pytest
from ophyd.status import Status

from flows.turns import Turns
from sim.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def turns(clock: VirtualClock) -> Turns:
    return Turns(clock)


def begun(turns: Turns, *works: Callable[[], None]) -> list[threading.Thread]:
    """Threads that do each of ``works`` in a turn, in this order."""
    threads = []
    with turns.turn():
        for number, work in enumerate(works, start=2):

            def take_part(work: Callable[[], None] = work) -> None:
                with turns.turn():
                    work()

            threads.append(threading.Thread(target=take_part, daemon=True))
            threads[-1].start()
            turns.gathered(number)
    return threads


def ended(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_one_at_a_time_in_order(turns: Turns) -> None:
    told: list[str] = []

    def work(name: str) -> Callable[[], None]:
        def tell() -> None:
            told.extend([f"{name} begins", f"{name} ends"])

        return tell

    ended(begun(turns, *(work(name) for name in "abc")))
    assert told == ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]


def test_who_steps_aside_lets_the_next_one_work_and_comes_back_behind(turns: Turns) -> None:
    told: list[str] = []
    go_on = threading.Event()

    def first() -> None:
        with turns.aside():
            assert go_on.wait(10)
        told.append("first again")

    def second() -> None:
        told.append("second")
        go_on.set()

    ended(begun(turns, first, second))
    assert told == ["second", "first again"]


def test_who_pauses_is_woken_by_a_change_and_the_clock_stands_still_until_it_has_looked(
    turns: Turns, clock: VirtualClock
) -> None:
    told: list[object] = []
    batch = Status()
    clock.after(60.0, batch.set_finished)

    def waits() -> None:
        told.append(turns.pause(30.0))
        told.append(clock.elapsed_s())

    def changes() -> None:
        turns.changed()
        clock.waiting([batch])  # a plan that would have time pass
        told.append("changed")

    ended(begun(turns, waits, changes))
    batch.wait(timeout=10)
    assert told == ["changed", True, 0.0]
    assert clock.elapsed_s() == 60.0


def test_a_pause_ends_by_itself_for_what_others_may_have_done(turns: Turns) -> None:
    with turns.turn():
        assert turns.pause(0.01) is False
