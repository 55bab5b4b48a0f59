"""A lab of several reactors: whose limits hold, who runs what, and what stops with what."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from devices import snapshot
from devices.errors import LabError, LabStopped
from devices.interlocks import InterlockTripped
from devices.labfile import load_lab, read_lab_file
from devices.laboratory import Laboratory
from devices.records import RunRecord

SHIPPED = Path(__file__).parents[2] / "campaigns" / "library" / "labs"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def lab_file(tmp_path: Path) -> Callable[[Change | None], Path]:
    """Writes the shipped lab of two reactors with a quick microscope; ``change`` may edit its content."""

    def write(change: Change | None = None) -> Path:
        content = yaml.safe_load((SHIPPED / "simulated-lmr-two-reactors.yaml").read_text(encoding="utf-8"))
        content = yaml.safe_load(yaml.safe_dump(content, default_flow_style=False))
        content["reactors"] = {name: dict(section) for name, section in content["reactors"].items()}
        content["microscope"]["options"]["scan"] = [160, 120]
        if change is not None:
            change(content)
        path = tmp_path / "lab.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


def opened(path: Path) -> Laboratory:
    return load_lab(path, state_dir=path.parent / "state", seed=0)


def of_south(name: str, **limit: Any) -> Change:
    """Another limit for a set-point of the second reactor."""

    def change(content: dict[str, Any]) -> None:
        points = content["reactors"]["south"]["set_points"]
        content["reactors"]["south"]["set_points"] = {**points, name: {**points[name], **limit}}

    return change


class Batch:
    """A batch that is run in a thread of its own."""

    def __init__(
        self,
        lab: Laboratory,
        key: str,
        conditions: dict[str, float | str],
        reactor: str,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.reached = threading.Event()
        self.record: RunRecord | None = None
        self.error: LabError | None = None

        def told(text: str) -> None:
            if "reacting" in text:
                self.reached.set()
            if progress is not None:
                progress(text)

        def run() -> None:
            try:
                self.record = lab.synthesise(key, conditions, told, reactor)
            except LabError as error:
                self.error = error

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def ended(self) -> "Batch":
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self


def slowly(content: dict[str, Any]) -> None:
    content["backend"]["options"]["real_time_factor"] = 20_000.0


def test_limits_are_what_every_reactor_allows_and_each_one_keeps_its_own(lab_file, conditions):
    with opened(lab_file(of_south("pH", high=11.0, low=8.0))) as lab:
        assert (lab.limits["pH"].low, lab.limits["pH"].high) == (8.0, 11.0)
        with pytest.raises(LabError, match=r"pH = 11\.5 is outside 8 to 11"):
            lab.check({**conditions, "pH": 11.5})
        with pytest.raises(LabError, match=r"pH = 11\.5 is outside 8 to 11"):
            lab.synthesise("b-1", {**conditions, "pH": 11.5}, reactor="south")
        assert lab.synthesise("b-1", {**conditions, "pH": 11.5}, reactor="north").state == "done"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c.update(reactor=c["reactors"]["north"]), "either reactor or reactors"),
        (lambda c: c.update(reactors={}), "at least 1 item"),
        (lambda c: c["reactors"].update(microscope=c["reactors"]["south"]), "microscope is there more than"),
        (lambda c: c["reactors"].update({"No Name": c["reactors"]["south"]}), "reactors.No Name"),
        (of_south("pH", unit="mV"), "pH is not of the same kind and unit in all devices"),
        (of_south("pH", low=12.6, high=13.0), "no value of pH is allowed in all devices"),
        (of_south("temperature_C", high=40, default=35), "default is not allowed in all devices"),
        (of_south("pH", low="acid"), "reactors.south.set_points.pH.low"),
        (
            lambda c: c["reactors"]["south"].update(
                set_points={k: v for k, v in c["reactors"]["south"]["set_points"].items() if k != "pH"}
            ),
            "pH is missing from one of them",
        ),
    ],
)
def test_a_file_that_does_not_fit_together_gets_one_clear_sentence(lab_file, change, told):
    with pytest.raises(LabError) as error:
        read_lab_file(lab_file(change))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_two_batches_run_side_by_side_and_each_reactor_knows_its_own(lab_file, conditions, tmp_path):
    with opened(lab_file(slowly)) as lab:
        batches = [Batch(lab, f"b-{n}", conditions, name) for n, name in enumerate(("north", "south"))]
        for batch in batches:
            assert batch.reached.wait(20)
        assert (lab.idle_reactors(), lab.reactor_of("b-0"), lab.reactor_of("b-1")) == ((), "north", "south")
        devices = snapshot.take(
            lab, file="", seed=0, holder=None, open=True, last_stop=None, alarms=()
        ).devices
        assert [(one.name, one.key) for one in devices] == [
            ("north", "b-0"),
            ("south", "b-1"),
            ("microscope", ""),
        ]
        first, second = (batch.ended().record for batch in batches)
        assert first.started_at < second.finished_at
        assert second.started_at < first.finished_at
        assert lab.idle_reactors() == ("north", "south")
        # Wherever it is asked for, a key stays where it is known.
        assert lab.synthesise("b-0", conditions, reactor="south") == first
        assert [int(one.starts.get()) for one in lab.reactors.values()] == [1, 1]
        assert len(lab.acquire("b-1", 3000, 1, 0, tmp_path / "images")) == 1
    with opened(lab_file(slowly)) as again:
        assert again.reactor_record("b-1") == second


def test_what_the_second_reactor_reads_is_told_and_its_alarm_names_it(lab_file):
    with opened(lab_file(None)) as lab:
        lab.reactors["south"].set_points.temperature_C.readback.put(90.0)
        seen = snapshot.take(lab, file="", seed=0, holder=None, open=True, last_stop=None)
    readings = {(one.name, value.name): value for one in seen.devices for value in one.values}
    assert readings["south", "temperature_C"].value == 90.0
    assert readings["north", "temperature_C"].value != 90.0
    assert ("microscope", "magnification") in readings
    (alarm,) = (one for one in seen.alarms if "temperature_C" in one)
    assert alarm.startswith("south: ")


def test_a_trip_of_one_reactor_is_none_of_the_others_business(lab_file, conditions):
    with opened(lab_file(slowly)) as lab:

        def heat(text: str) -> None:
            if "reacting" in text:
                lab.reactors["south"].set_points.temperature_C.readback.put(90.0)

        calm = Batch(lab, "b-0", conditions, "north")
        hot = Batch(lab, "b-1", conditions, "south", heat)
        assert isinstance(hot.ended().error, InterlockTripped)
        assert calm.ended().record.state == "done"
        assert lab.reactor_record("b-1").state == "fault"


@pytest.mark.parametrize(("how", "others"), [("stop", "fault"), ("interrupt", "running")])
def test_a_stop_stops_all_and_an_interrupt_what_is_ours(lab_file, conditions, how, others, tmp_path):
    lab = opened(lab_file(slowly))
    with lab:
        # A batch that a process began which is gone: it runs, and nobody here drives it.
        lab.reactors["south"].logic._bench.journal.start(
            "b-9", lab.reactors["south"].setting(), t_s=0.0, until_s=1e9, reactor="south"
        )
        mine = Batch(lab, "b-0", {**conditions, "time_min": 1440.0}, "north")
        assert mine.reached.wait(20)
        getattr(lab, how)("smoke")
        assert isinstance(mine.ended().error, LabStopped)
        assert lab.reactor_record("b-0").state == "fault"
        assert lab.reactor_record("b-9").state == others
        if how == "interrupt":
            with pytest.raises(LabStopped, match="Nothing was started"):
                lab.synthesise("b-2", conditions, reactor="north")


def test_limits_that_cannot_be_read_stop_every_reactor(lab_file, conditions, tmp_path):
    with opened(lab_file()) as lab:
        (tmp_path / "lab.yaml").unlink()
        for name in lab.reactors:
            with pytest.raises(LabError, match="Nothing was moved, because the limits"):
                lab.synthesise("b-1", conditions, reactor=name)
            assert lab.reactors[name].set_points.pH.setpoint.get() == 7.0
        assert lab.reactor_record("b-1") is None


def test_a_reactor_that_the_file_names_no_more_does_not_move(lab_file, conditions):
    with opened(lab_file()) as lab:
        lab_file(lambda content: content["reactors"].pop("south"))
        with pytest.raises(LabError, match="names south no more"):
            lab.synthesise("b-1", conditions, reactor="south")
        assert lab.synthesise("b-1", conditions, reactor="north").state == "done"


def test_where_a_reactor_cannot_tell_about_a_key_nobody_says_that_it_never_ran(
    lab_file, conditions, monkeypatch
):
    with opened(lab_file()) as lab:
        lab.synthesise("b-0", conditions, reactor="north")

        def silent(*_: Any) -> None:
            raise LabError("the south reactor does not answer")

        monkeypatch.setattr(lab.reactors["south"].logic, "record", silent)
        monkeypatch.setattr(lab.reactors["south"].logic, "running", silent)
        assert lab.reactor_record("b-0").state == "done"
        with pytest.raises(LabError, match="does not answer"):
            lab.reactor_record("b-1")
        assert lab.idle_reactors() == ("north",)


def two_microscopes(content: dict[str, Any]) -> None:
    section = content.pop("microscope")
    wide = {**section, "magnification": {"unit": "×", "low": 100, "high": 5000}}
    content["microscopes"] = {"fine": section, "wide": wide}


def test_microscopes_may_be_several_too(lab_file, conditions, tmp_path):
    with opened(lab_file(two_microscopes)) as lab:
        lab.synthesise("b-1", conditions)
        paths = lab.acquire("b-1", 3000, 1, 0, tmp_path / "images", "wide")
        assert [path.name for path in paths] == ["b-1_3000x_000.tif"]
        with pytest.raises(LabError, match=r"magnification = 15000 × is outside 100 to 5000"):
            lab.acquire("b-1", 15000, 1, 0, tmp_path / "images", "wide")
        assert len(lab.acquire("b-1", 15000, 1, 0, tmp_path / "images", "fine")) == 1
    common = read_lab_file(tmp_path / "lab.yaml").limits()["magnification"]
    assert (common.low, common.high) == (500, 5000)


def test_stations_belong_to_the_way_to_one_microscope(lab_file):
    def change(content: dict[str, Any]) -> None:
        two_microscopes(content)
        content["stations"] = {"drying": {"class": "devices.manual.station:ManualStation"}}

    with pytest.raises(LabError, match="stations belong to the way to one microscope"):
        read_lab_file(lab_file(change))


def test_a_lab_that_another_process_closed_is_still_open_here(lab_file, tmp_path):
    with opened(lab_file()):
        mine = until_kept(tmp_path / "state", lambda kept: kept.open)
        assert mine.holder is not None
        theirs = mine.holder.model_copy(update={"pid": mine.holder.pid + 1})
        snapshot.write(mine.model_copy(update={"holder": theirs, "open": False}), tmp_path / "state")
        assert until_kept(tmp_path / "state", lambda kept: kept.open).holder == mine.holder


def until_kept(folder: Path, holds: Callable[[snapshot.Snapshot], bool]) -> snapshot.Snapshot:
    """What is kept of the lab, once it is so."""
    deadline = time.monotonic() + 10
    while (kept := snapshot.read(folder)) is None or not holds(kept):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return kept
