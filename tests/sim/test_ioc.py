"""The simulated plant as a controller: what it watches, refuses and remembers, without Channel Access."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.errors import LabError
from devices.labfile import LabFileLimits, ReactorLimits, read_lab_file
from sim.bench import SimulatedBench
from sim.ioc import serve
from sim.ioc_controller import Controller
from sim.ioc_reactor import ReactorOrders
from sim.microscope import SimulatedMicroscope
from sim.reactor import SimulatedReactor

LABS = Path(__file__).parents[2] / "campaigns" / "library" / "labs"
LMR = LABS / "simulated-lmr.yaml"
RECIPE = {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2, "time_min": 30.0, "stirring_rpm": 1000.0}

Open = Callable[..., Controller]


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Open]:
    """Opens the controller of the shipped plant; again, as after a power cut."""
    opened: list[SimulatedBench] = []

    def open_(watchdog_s: float = 60.0) -> Controller:
        for bench in opened:
            bench.close()
        file, limits = read_lab_file(LMR), LabFileLimits(LMR)
        opened.append(SimulatedBench(state_dir=tmp_path, seed=3, plant="sim.lmr:LMRPlant"))
        reactor = SimulatedReactor(
            name="reactor", source=ReactorLimits(limits), backend=opened[-1], settings={}
        )
        reactor.guard(file.interlocks())
        microscope = SimulatedMicroscope(
            name="microscope", source=limits, backend=opened[-1], scan=(160, 120)
        )
        return Controller(
            opened[-1],
            [reactor],
            [microscope],
            watchdog_s=watchdog_s,
            real_time=False,
            changed=lambda: None,
        )

    yield open_
    for bench in opened:
        bench.close()


def reactor_of(controller: Controller) -> ReactorOrders:
    return controller.reactors["reactor"]


def begin(controller: Controller, key: str) -> None:
    orders = reactor_of(controller)
    for name, value in RECIPE.items():
        orders.move(name, value)
    orders.key = key
    orders.start()


def finish(controller: Controller) -> None:
    controller.let_time_pass()
    deadline = time.monotonic() + 10
    while reactor_of(controller).reactor.logic.running() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_batch_runs_when_somebody_waits_and_starts_once(controller: Open) -> None:
    plant = controller()
    begin(plant, "b-1")
    reactor_of(plant).start()
    assert plant.bench.clock.hours() == 0.0  # nobody waits yet
    with pytest.raises(LabError, match="The batch b-1 runs, and its set-points stand until it ends"):
        reactor_of(plant).move("pH", 11.0)
    reactor_of(plant).key = "b-2"
    with pytest.raises(LabError, match="busy with the batch b-1"):
        reactor_of(plant).start()
    finish(plant)
    reactor_of(plant).query = "b-1"
    assert '"state": "done"' in reactor_of(plant).record()
    assert plant.bench.journal.starts == 1


def test_a_batch_survives_a_power_cut(controller: Open) -> None:
    begin(controller(), "b-1")
    again = controller()
    assert (reactor_of(again).key, reactor_of(again).reactor.logic.running(), again.armed) == (
        "b-1",
        "b-1",
        True,
    )
    finish(again)
    record = reactor_of(again).reactor.record("b-1")
    assert record is not None
    assert (record.state, record.starts, record.conditions["pH"]) == ("done", 1, 10.5)


def test_the_watchdog_makes_safe_what_nobody_watches(controller: Open) -> None:
    plant = controller(watchdog_s=0.05)
    time.sleep(0.06)
    plant.look()
    assert not plant.tripped  # a plant at rest needs nobody
    begin(plant, "b-1")
    time.sleep(0.03)
    plant.beat()
    time.sleep(0.03)
    plant.look()
    assert not plant.tripped
    time.sleep(0.06)
    plant.look()
    record = reactor_of(plant).reactor.record("b-1")
    assert record is not None
    assert (record.state, record.reason) == ("fault", "no heartbeat from the client for 0.05 s")
    assert (plant.tripped, plant.armed, reactor_of(plant).reactor.setting()["pH"]) == (True, False, 7.0)
    with pytest.raises(LabError, match="b-1 ended in a fault"):
        reactor_of(plant).start()
    plant.beat()
    assert not plant.tripped


def test_the_emergency_stop_holds_until_it_is_released(controller: Open) -> None:
    plant = controller()
    begin(plant, "b-1")
    plant.press_emergency_stop(True)
    orders, microscope = reactor_of(plant), plant.microscopes["microscope"]
    assert (orders.reactor.logic.running(), orders.reactor.setting()["naoh_factor"]) == (None, 0.0)
    for order in (lambda: orders.move("pH", 10.0), orders.start, microscope.acquire):
        with pytest.raises(LabError, match="The emergency stop is pressed; release it first"):
            order()
    plant.press_emergency_stop(False)
    begin(plant, "b-2")
    finish(plant)
    record = reactor_of(plant).reactor.record("b-2")
    assert record is not None
    assert record.state == "done"
    microscope.put_sample("b-2")
    with pytest.raises(LabError, match="There is no sample of b-1"):
        microscope.put_sample("b-1")


def test_only_a_simulated_lab_is_served_on_a_free_port(tmp_path: Path) -> None:
    options = {"seed": 0, "prefix": "X:", "state_dir": tmp_path, "watchdog_s": 1.0}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=f"The port {port} cannot be served .* with --port"):
            serve(LMR, port=port, **options)
    with pytest.raises(LabError, match=r"ioc-lmr.yaml has no simulated plant to serve"):
        serve(LABS / "ioc-lmr.yaml", port=port, **options)
