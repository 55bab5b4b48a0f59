"""The lab's page: readings, tasks of a person, and a stop that is taken back."""

import json
from datetime import UTC, datetime

import pytest

from campaigns.people import Role
from devices.manual.board import Board
from devices.manual.task import Ask, Task
from devices.stopping import StopOrder, give, stop_file
from tests.conftest import LIBRARY
from tests.dashboard.visiting import session_of, visit

pytestmark = pytest.mark.slow  # a page or a route takes a tenth of a second, and there are many


def _opened(home, **changes) -> None:
    """What a process that drove a lab left behind."""
    folder = home / "simulated" / "labs" / "membrane-s0-r1"
    folder.mkdir(parents=True, exist_ok=True)
    reading = {
        "name": "bath_temperature_C",
        "unit": "°C",
        "value": 72.0,
        "setpoint": 25.0,
        "low": 5,
        "high": 70,
    }
    snapshot = {
        "lab": "simulated-membrane",
        "file": str(LIBRARY / "labs" / "simulated-membrane.yaml"),
        "simulated": True,
        "seed": 0,
        "holder": {"pid": 1, "host": "elsewhere", "started": 0.0},
        "open": True,
        "at": datetime.now(UTC).isoformat(),
        "lab_time": "2026-01-01T00:00:00Z",
        "state": "reacting",
        "run_id": "key-1",
        "running": "key-1",
        "starts": 1,
        "microscope": "idle",
        "sample": "",
        "values": [reading],
        "alarms": ["bath_temperature_C = 72 °C is above 70 °C"],
        **changes,
    }
    (folder / "lab.json").write_text(json.dumps(snapshot))


def test_readings_limits_alarms_interlocks_and_holder_are_shown_and_keep_up(desk, home):
    _opened(home)

    async def story(visitor):
        user = visitor(session_of(desk, Role.VIEWER))
        await user.open("/lab")
        for text in (
            "SIMULATED",
            "driven now",
            "process 1 on elsewhere",
            "key-1",
            "72 °C",
            "5 to 70 °C",
            "✕ no",
            "1 alarm",
            "is above 70 °C",
            "over_temperature",
            "trips above 75 °C for 30 s; again from 70 °C",
            "✓ holds",
        ):
            await user.should_see(text)
        _opened(home, alarms=[], state="sampling", open=False)
        await user.should_see("sampling", retries=20)
        await user.should_see("at rest")
        await user.should_not_see("1 alarm")

    visit(desk, story)


def test_of_two_reactors_each_shows_its_own_quantities_and_interlocks(desk, home):
    def reactor(name: str, reads: float) -> dict[str, object]:
        reading = {"name": "bath_temperature_C", "unit": "°C", "value": reads, "low": 5, "high": 80}
        return {"name": name, "kind": "reactor", "state": "idle", "values": [reading]}

    _opened(home, alarms=[], devices=[reactor("north", 21.5), reactor("south", 76.0)])

    async def story(visitor):
        user = visitor(session_of(desk, Role.VIEWER))
        await user.open("/lab")
        for text in (
            "Quantities of north",
            "21.5 °C",
            "Quantities of south",
            "76 °C",
            "north: over_temperature",
            "south: over_temperature",
            "✕ forbids a start",
        ):
            await user.should_see(text)

    visit(desk, story)


def test_a_driver_that_says_nothing_for_long_is_told(desk, home):
    _opened(home, at="2026-01-01T00:00:00Z")

    async def story(visitor):
        user = visitor(session_of(desk, Role.VIEWER))
        await user.open("/lab")
        await user.should_see("its process does not answer")

    visit(desk, story)


def test_an_operator_takes_a_stop_back_and_a_viewer_does_not(desk, home):
    _opened(home, open=False)
    order = stop_file(home / "simulated", "simulated-membrane")
    give(StopOrder.now("smoke", "vera"), order)

    async def story(visitor):
        looking = visitor(session_of(desk, Role.VIEWER))
        await looking.open("/lab")
        await looking.should_see("STOPPED: smoke")
        await looking.should_see("An operator can take it back")
        user = visitor(session_of(desk, Role.OPERATOR))
        await user.open("/lab")
        user.find("Take the stop back: the lab may be started again").click()
        await user.should_see("Taken back: smoke", retries=30)
        await looking.should_not_see("An operator can take it back", retries=20)

    visit(desk, story)
    assert not order.exists()


def test_a_task_is_answered_with_what_was_reached(desk, home):
    board = Board(home / "manual")
    asked = Ask(name="temperature_C", unit="°C", low=20, high=70, asked=50.0)
    task = Task(
        id="key-1@reactor",
        key="key-1",
        device="reactor",
        title="Make the batch key-1",
        instructions=("Purge with the gas.",),
        asks=(asked,),
        asked_at="2026-01-01T00:00:00Z",
    )
    board.post(task)

    async def story(visitor):
        user = visitor(session_of(desk, Role.OPERATOR, "olga"))
        await user.open("/lab")
        await user.should_see("Purge with the gas.")
        await user.should_see("temperature_C = 50 °C")
        user.find("temperature_C reached (°C)").type("71.5")
        user.find("Done; what is not typed counts as asked for").click()
        await user.should_see("outside 20 to 70", retries=30)
        await user.should_not_see("Purge with the gas.", retries=20)

    visit(desk, story)
    done = board.task("key-1@reactor")
    assert done.state == "done"
    assert done.closed_by == "olga"
    assert done.answer.values == {"temperature_C": 71.5}


def test_a_page_says_when_its_ledger_is_away(desk, campaign_id, monkeypatch):
    from campaigns.ledger import LedgerError

    async def story(visitor):
        user = visitor(session_of(desk, Role.VIEWER))
        await user.open("/campaigns")
        with monkeypatch.context() as broken:

            def away():
                raise LedgerError("the database cannot be reached")

            broken.setattr(desk.source, "waiting", away)
            broken.setattr(desk.source, "stamp", away)
            await user.should_see("What you see may be old: the database cannot be reached", retries=30)
        await user.should_not_see("What you see may be old", retries=30)

    visit(desk, story)
