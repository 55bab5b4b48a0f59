import math

import pytest
from ophyd import Signal
from ophyd.status import Status

from devices.errors import LabError, LabStopped
from devices.limits import Limit
from sim.clock import VirtualClock
from sim.lag import FirstOrderLag, lags


def test_it_arrives_when_a_first_order_lag_does() -> None:
    clock, readback, seen = VirtualClock(), Signal(name="temperature", value=25.0), []
    put = readback.put
    readback.put = lambda value, **kw: (seen.append((clock.elapsed_s(), value)), put(value, **kw))  # type: ignore[method-assign]
    lag, status = FirstOrderLag(readback, clock, time_constant_s=480.0, within=0.25), Status()
    lag.move(50.0, status)
    clock.waiting([status])
    status.wait(timeout=10)
    assert clock.elapsed_s() == pytest.approx(480.0 * math.log(25.0 / 0.25))
    assert readback.get() == 50.0
    assert seen[0] == (480.0, pytest.approx(50.0 - 25.0 / math.e))


def test_a_category_is_there_at_once() -> None:
    readback, status = Signal(name="gas", value="N2"), Status()
    FirstOrderLag(readback, VirtualClock(), time_constant_s=0.0, within=0.0).move("O2", status)
    assert status.success
    assert readback.get() == "O2"


def test_another_order_fails_the_first_and_the_same_joins_it() -> None:
    clock, readback = VirtualClock(), Signal(name="pH", value=7.0)
    lag = FirstOrderLag(readback, clock, time_constant_s=60.0, within=0.01)
    first, same, other = Status(), Status(), Status()
    lag.move(10.0, first)
    lag.move(10.0, same)
    assert not first.done
    lag.move(11.0, other)
    assert isinstance(first.exception(timeout=1), LabError)
    assert isinstance(same.exception(timeout=1), LabError)
    lag.make_safe(7.0)
    assert isinstance(other.exception(timeout=1), LabStopped)
    assert readback.get() == 7.0


def test_an_unknown_option_is_told() -> None:
    clock = VirtualClock()
    with pytest.raises(LabError, match="no option speed"):
        lags(clock, {"pH": {"speed": 1}})(Limit("pH", low=0, high=14), Signal(name="pH"), clock)
