"""Interlocks: when they trip, what they say, and what brings the reactor back."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from ophyd import Signal
from ophyd.status import Status

from devices.clock import SystemClock
from devices.errors import LabError, NeedsPerson
from devices.interlocks import Interlock, InterlockTripped, Supervisor
from devices.laboratory import Laboratory
from sim.clock import VirtualClock

pytestmark = pytest.mark.slow

OpenLab = Callable[..., Laboratory]
HOT = Interlock("hot", "T", above=70.0, resume=60.0, unit="°C")
SLOW = Interlock("slow", "rpm", below=50.0, resume=100.0, delay_s=10.0, batch_only=True)


class Bench:
    """A supervisor over two signals; what it asked for is in ``reasons``."""

    def __init__(self, *interlocks: Interlock) -> None:
        self.clock = VirtualClock()
        self.signals = {"T": Signal(name="T", value=25.0), "rpm": Signal(name="rpm", value=0.0)}
        self.in_batch = False
        self.reasons: list[str] = []
        self.supervisor = Supervisor(
            interlocks,
            self.signals,
            self.clock,
            make_safe=self.reasons.append,
            in_batch=lambda: self.in_batch,
        )

    def read(self, quantity: str, value: Any) -> None:
        self.signals[quantity].put(value)

    def wait(self, seconds: float) -> None:
        """Let the clock pass, as it does while a plan waits."""
        over = Status()

        def end() -> None:
            over.set_finished()
            over.wait(5)

        self.clock.after(seconds, end)
        self.clock.waiting([over])
        over.wait(5)
        self.clock.waiting(None)


def test_a_reading_beyond_the_threshold_trips_at_once_and_says_which_when_and_at_what() -> None:
    bench = Bench(HOT)
    bench.read("T", 70.0)
    assert not bench.reasons
    bench.read("T", 70.1)
    assert bench.reasons == [
        "interlock hot tripped at 2026-01-01T00:00:00Z: T reads 70.1 °C, at most 70 °C is safe"
    ]
    (trip,) = bench.supervisor.trips
    assert (trip.interlock, trip.at, trip.value) == (HOT, "2026-01-01T00:00:00Z", 70.1)
    bench.read("T", 90.0)
    assert len(bench.reasons) == 1


def test_it_resumes_only_past_the_resume_threshold() -> None:
    bench = Bench(HOT)
    bench.supervisor.check(starting=True)
    bench.read("T", 80.0)
    for value in (80.0, 69.0, 60.1):
        bench.read("T", value)
        for starting in (True, False):
            with pytest.raises(NeedsPerson, match=r"interlock hot tripped .* not come back past 60 °C"):
                bench.supervisor.check(starting=starting)
    bench.read("T", 60.0)
    bench.supervisor.check(starting=True)
    bench.read("T", 69.0)
    bench.supervisor.check(starting=True)
    bench.read("T", 71.0)
    assert len(bench.reasons) == 2


@pytest.mark.parametrize("reading", [math.nan, math.inf, None, "n/a"])
def test_a_reading_that_is_no_number_trips_without_delay(reading: object) -> None:
    bench = Bench(Interlock("hot", "T", above=70.0, resume=60.0, delay_s=600.0))
    bench.read("T", reading)
    assert "T reads no number" in bench.reasons[0]
    with pytest.raises(NeedsPerson):
        bench.supervisor.check(starting=False)


def test_a_delay_is_counted_by_the_labs_clock_though_the_value_is_told_only_once() -> None:
    bench = Bench(SLOW)
    bench.read("rpm", 800.0)
    bench.in_batch = True
    bench.read("rpm", 10.0)
    bench.wait(9.0)
    assert not bench.reasons
    bench.wait(1.5)
    assert bench.reasons == [
        "interlock slow tripped at 2026-01-01T00:00:10Z: rpm reads 10, at least 50 is safe"
    ]


def test_a_dip_shorter_than_the_delay_does_not_trip() -> None:
    bench = Bench(SLOW)
    bench.in_batch = True
    bench.read("rpm", 10.0)
    bench.wait(8.0)
    bench.read("rpm", 800.0)
    bench.wait(8.0)
    bench.read("rpm", 10.0)
    bench.wait(8.0)
    assert not bench.reasons


def test_what_holds_in_a_batch_alone_lets_the_stirrer_rest_but_not_a_batch_start() -> None:
    bench = Bench(SLOW)
    bench.read("rpm", 0.0)
    bench.wait(60.0)
    assert not bench.reasons
    bench.supervisor.check(starting=False)
    with pytest.raises(NeedsPerson, match="the interlock slow forbids it: rpm reads 0, at least 50 is safe"):
        bench.supervisor.check(starting=True)


def test_a_signal_that_cannot_be_read_lets_nothing_start(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(HOT)

    def unreachable() -> float:
        raise TimeoutError("no answer")

    monkeypatch.setattr(bench.signals["T"], "get", unreachable)
    with pytest.raises(NeedsPerson, match="T reads no number"):
        bench.supervisor.check(starting=False)


def test_an_interlock_on_what_is_not_measured_is_refused() -> None:
    with pytest.raises(
        LabError, match="wet watches humidity, which the reactor does not measure; it measures T"
    ):
        Bench(Interlock("wet", "humidity", above=1.0, resume=0.5))


def test_hardware_counts_the_delay_by_the_wall() -> None:
    fired = Status()
    timer = SystemClock().after(0.01, fired.set_finished)
    fired.wait(5)
    timer.cancel()
    late = Status()
    SystemClock().after(30.0, late.set_finished).cancel()
    assert not late.done


def test_a_trip_stops_the_batch_and_leaves_the_reactor_safe(
    open_lab: OpenLab, conditions: dict[str, float | str]
) -> None:
    def slowly(content: dict[str, Any]) -> None:
        # So that the batch still runs when the report on progress comes; 30 s of delay are 1.5 ms.
        content["backend"]["options"]["real_time_factor"] = 20000.0

    lab = open_lab(slowly)
    points = lab.reactor.set_points

    def heat(text: str) -> None:
        if "reacting" in text:
            points.temperature_C.readback.put(90.0)

    with pytest.raises(InterlockTripped, match="The batch b-1 was stopped: interlock over_temperature"):
        lab.synthesise("b-1", conditions, heat)
    record = lab.reactor_record("b-1")
    assert record is not None
    assert record.state == "fault"
    assert "temperature_C reads 90 °C, at most 75 °C is safe" in record.reason
    assert (points.temperature_C.setpoint.get(), points.stirring_rpm.readback.get()) == (25, 0)


@pytest.mark.parametrize(
    ("interlock", "fault"),
    [
        ({"quantity": "pH", "resume": 1.0}, "expected either above or below"),
        ({"quantity": "pH", "above": 9.0, "below": 5.0, "resume": 7.0}, "expected either above or below"),
        ({"quantity": "pH", "above": 9.0, "resume": 9.0}, r"resume \(9\) is not below above \(9\)"),
        ({"quantity": "pH", "below": 5.0, "resume": 4.0}, r"resume \(4\) is not above below \(5\)"),
        ({"quantity": "pH", "above": "high", "resume": 4.0}, "above"),
        ({"quantity": "pH", "above": math.inf, "resume": 4.0}, "finite"),
        ({"quantity": "redox_mV", "above": 9.0, "resume": 4.0}, "does not measure"),
    ],
)
def test_wrong_interlocks_keep_the_lab_shut(open_lab: OpenLab, interlock: dict[str, Any], fault: str) -> None:
    def change(content: dict[str, Any]) -> None:
        content["reactor"]["interlocks"]["mine"] = interlock

    with pytest.raises(LabError, match=fault):
        open_lab(change)


def test_when_the_interlocks_in_the_file_cannot_be_read_any_more_nothing_moves(
    open_lab: OpenLab, write_lab: Callable[..., Any], conditions: dict[str, float | str]
) -> None:
    lab = open_lab()

    def spoil(content: dict[str, Any]) -> None:
        content["reactor"]["interlocks"]["over_temperature"]["above"] = "hot"

    write_lab(spoil)
    with pytest.raises(LabError, match=r"interlocks\.over_temperature\.above"):
        lab.synthesise("b-1", conditions)
    assert lab.reactor_record("b-1") is None
    assert lab.reactor.set_points.temperature_C.setpoint.get() == 25
