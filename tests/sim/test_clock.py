import time

import pytest
from ophyd.status import Status

from sim.clock import VirtualClock


def waited(clock: VirtualClock, *statuses: Status) -> None:
    clock.waiting(statuses)
    for status in statuses:
        status.wait(timeout=10)
    clock.waiting(None)


def test_time_passes_only_while_someone_waits() -> None:
    clock, happened = VirtualClock(), []
    status = Status()
    clock.after(3600.0, lambda: happened.append(clock.iso()))
    clock.after(7200.0, status.set_finished)
    clock.after(1800.0, lambda: happened.append(clock.iso()))
    later = clock.after(7300.0, lambda: happened.append("too late"))
    assert (clock.hours(), happened) == (0.0, [])
    waited(clock, status)
    assert happened == ["2026-01-01T00:30:00Z", "2026-01-01T01:00:00Z"]
    assert (clock.hours(), later.cancelled) == (2.0, False)


def test_what_is_cancelled_does_not_happen() -> None:
    clock, status, happened = VirtualClock(elapsed_s=60.0), Status(), []
    clock.after(1.0, lambda: happened.append(1)).cancel()
    clock.after(2.0, status.set_finished)
    waited(clock, status)
    assert (happened, clock.elapsed_s()) == ([], 62.0)


def test_an_event_that_fails_fails_who_waits() -> None:
    clock, status = VirtualClock(), Status()
    clock.after(1.0, lambda: 1 / 0)
    clock.waiting([status])
    assert isinstance(status.exception(timeout=10), ZeroDivisionError)


def test_real_time_can_be_left_at_once() -> None:
    clock, status = VirtualClock(real_time_factor=1e-3), Status()
    clock.after(60.0, status.set_finished)
    begun = time.monotonic()
    clock.waiting([status])
    clock.waiting(None)
    assert time.monotonic() - begun < 5.0
    assert not status.done
    assert clock.elapsed_s() == 0.0
    assert clock.wall_seconds(60.0) > 60000.0


def test_a_moment_has_a_date() -> None:
    assert VirtualClock().at(90061.0) == "2026-01-02T01:01:01Z"
    assert VirtualClock(elapsed_s=3600).now().timestamp() == pytest.approx(1767229200.0)


def test_of_several_at_work_time_waits_for_the_last_one() -> None:
    clock, mine, theirs = VirtualClock(), Status(), Status()
    clock.after(60.0, mine.set_finished)
    clock.after(120.0, theirs.set_finished)
    clock.hold("me")
    clock.hold("them")
    clock.waiting([mine], "me")
    assert not mine.done  # they still give orders
    assert clock.elapsed_s() == 0.0
    clock.waiting([theirs], "them")
    mine.wait(timeout=10)
    # My wait is over, and time stands still until I wait again or am done.
    clock.waiting(None, "me")
    clock.waiting([theirs], "them")
    assert (clock.elapsed_s(), theirs.done) == (60.0, False)
    clock.let_go("me")
    theirs.wait(timeout=10)
    assert clock.elapsed_s() == 120.0


def test_who_holds_the_clock_without_waiting_stops_it_for_all() -> None:
    clock, status = VirtualClock(), Status()
    clock.after(60.0, status.set_finished)
    clock.hold("somebody who computes")
    clock.waiting([status], "me")
    assert not status.done
    clock.let_go("somebody who computes")
    status.wait(timeout=10)
    assert clock.elapsed_s() == 60.0
