import threading

import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus, RunEngineInterrupted

from devices.limits import complete
from devices.plans import synthesise


@pytest.fixture
def engine(open_lab):  # type: ignore[no-untyped-def]
    lab = open_lab()
    run_engine = RunEngine({}, context_managers=[])
    run_engine.waiting_hook = lab.clock.waiting
    yield lab, run_engine
    run_engine.loop.call_soon_threadsafe(run_engine.loop.stop)
    run_engine._th.join(5)
    run_engine.loop.close()


def pause_in(lab, run_engine, state: str) -> None:  # type: ignore[no-untyped-def]
    """Ask for a hard pause as soon as the reactor enters ``state``."""

    def ask(entered: str) -> None:
        if entered == state:
            lab.reactor.on_state = None
            lab.clock._factor = 1e-3  # nothing more happens by itself
            request = threading.Thread(target=run_engine.request_pause)
            request.start()
            if state != "ramping":
                request.join()

    lab.reactor.on_state = ask


def test_a_pause_on_the_way_doses_once(engine, conditions) -> None:  # type: ignore[no-untyped-def]
    lab, run_engine = engine
    settings = complete(conditions, lab.limits)
    pause_in(lab, run_engine, "ramping")
    with pytest.raises(RunEngineInterrupted):
        run_engine(synthesise(lab.reactor, "b-1", settings))
    assert run_engine.state == "paused"
    assert lab.reactor_record("b-1") is None
    lab.clock._factor = None
    run_engine.resume()
    record = lab.reactor_record("b-1")
    assert (record.state, record.starts) == ("done", 1)


def test_a_pause_while_dosing_ends_the_batch_safely_and_never_doses_again(engine, conditions) -> None:  # type: ignore[no-untyped-def]
    lab, run_engine = engine
    settings = complete(conditions, lab.limits)
    pause_in(lab, run_engine, "feeding")
    # Which of the two is told first, the pause or the batch that it ended, is a matter of luck.
    with pytest.raises((RunEngineInterrupted, FailedStatus)):
        run_engine(synthesise(lab.reactor, "b-1", settings))
    assert run_engine.state == "idle"
    record = lab.reactor_record("b-1")
    assert (record.state, record.starts) == ("fault", 1)
    assert lab.reactor.set_points.naoh_factor.readback.get() == 0.0
