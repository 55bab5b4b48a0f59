"""Two reactors and one microscope: two experiments in flight, each device with one of them at a time."""

import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from campaigns.ledger import CampaignState, CampaignStatus, Ledger, State, ledger_path
from flows.progress import Event, watched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

LIBRARY = Path(__file__).parents[2] / "campaigns" / "library"
Entry = dict[str, Any]


def run(file: Path, **options: object) -> CampaignStatus:
    from flows.campaign import campaign

    return campaign(file, **options)


@pytest.fixture
def two(small_campaign: Path) -> Callable[..., Path]:
    """Writes the small campaign for a lab of two reactors, with other sections where given."""

    def write(lab_change: Callable[[Entry], object] | None = None, **sections: object) -> Path:
        lab = yaml.safe_load((LIBRARY / "labs" / "simulated-membrane.yaml").read_text(encoding="utf-8"))
        lab["reactors"] = {"north": lab.pop("reactor")}
        lab["reactors"]["south"] = json.loads(json.dumps(lab["reactors"]["north"]))
        lab["microscope"]["options"]["scan"] = [640, 480]
        if lab_change is not None:
            lab_change(lab)
        lab_file = small_campaign.with_name("two.yaml")
        lab_file.write_text(yaml.safe_dump({**lab, "name": "two"}, allow_unicode=True), encoding="utf-8")
        content = yaml.safe_load(small_campaign.read_text(encoding="utf-8"))
        content |= {"lab": str(lab_file), "budget": {"experiments": 4}, **sections}
        small_campaign.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        return small_campaign

    return write


# No field of view can tell this far: the campaign spends its budget.
FAR = [{"descriptor": "phase_fraction", "value": 0.05, "tolerance": "1 %"}]


def journal(home: Path) -> list[Entry]:
    (path,) = home.glob("simulated/labs/*/simulated-lab/journal.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def batches(entries: list[Entry]) -> dict[str, tuple[str, float, float]]:
    """Reactor, start and end (s on the lab's clock) by key."""
    ends = {one["key"]: one["t_s"] for one in entries if one["event"] == "done"}
    starts = [one for one in entries if one["event"] == "start"]
    assert len({one["key"] for one in starts}) == len(starts)  # nothing is started twice
    return {one["key"]: (one["reactor"], one["t_s"], ends[one["key"]]) for one in starts}


def check_lab(entries: list[Entry]) -> dict[str, tuple[str, float, float]]:
    """No reactor had two batches at once, and the microscope imaged one field at a time."""
    found = batches(entries)
    for reactor in ("north", "south"):
        spans = sorted((start, end) for name, start, end in found.values() if name == reactor)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    taken = [one["t_s"] for one in entries if one["event"] == "imaged"]
    assert all(later - earlier >= 59.9 for earlier, later in itertools.pairwise(taken))
    return found


def together(found: dict[str, tuple[str, float, float]]) -> int:
    """How many pairs of batches ran at the same time."""
    spans = [(start, end) for _, start, end in found.values()]
    return sum(
        one[0] < other[1] and other[0] < one[1]
        for place, one in enumerate(spans)
        for other in spans[place + 1 :]
    )


def test_two_are_in_flight_and_the_same_seed_does_it_again(two, prefect_api, home, monkeypatch, tmp_path):
    file = two(targets=FAR)
    events: list[Event] = []
    with watched(events.append):
        first = run(file)
    assert (first.status, len(first.iterations)) == (CampaignState.BUDGET_SPENT, 4)
    assert {(one.state, one.reactor_starts) for one in first.iterations} == {("learned", 1)}
    entries = journal(home)
    found = check_lab(entries)
    assert {reactor for reactor, _, _ in found.values()} == {"north", "south"}
    assert together(found) >= 2
    # The second proposal was made while the first was under way, and is another one.
    assert first.iterations[0].conditions != first.iterations[1].conditions
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        assert ledger.device_leases() == ()
    # In all less time than one after the other would have taken.
    assert first.virtual_hours * 3600 < sum(end - start for _, start, end in found.values())

    monkeypatch.setenv("MORPHOLOOP_HOME", str(tmp_path / "elsewhere"))
    again = run(file)
    assert journal(tmp_path / "elsewhere") == entries
    assert (again.iterations, again.virtual_hours) == (first.iterations, first.virtual_hours)


def test_the_microscope_is_had_in_the_order_of_asking(two, prefect_api, home, monkeypatch):
    asked: list[str] = []
    had: list[str] = []
    queue, take = Ledger.queue, Ledger.take

    def queued(self, lab, kind, experiment_id, lease):
        if kind == "microscope":
            asked.append(experiment_id)
        return queue(self, lab, kind, experiment_id, lease)

    def taken(self, place, free, *, out_of_turn=False):
        got = take(self, place, free, out_of_turn=out_of_turn)
        if got is not None and place.kind == "microscope":
            holders = [one for one in self.device_leases(place.lab) if one.device == got.device]
            assert [one.experiment_id for one in holders] == [place.experiment_id]
            had.append(place.experiment_id)
        return got

    monkeypatch.setattr(Ledger, "queue", queued)
    monkeypatch.setattr(Ledger, "take", taken)

    def slow_fields(lab: Entry) -> None:
        lab["microscope"]["options"]["field_min"] = 45.0

    waits: list[int] = []
    with watched(lambda e: waits.append(e.experiment) if e.text == "waits for a microscope" else None):
        found = run(two(slow_fields, targets=FAR))
    assert {one.state for one in found.iterations} == {"learned"}
    assert waits  # two were there at the same time
    assert had == asked
    check_lab(journal(home))


def test_a_trip_costs_its_own_experiment_alone(two, prefect_api, home, tmp_path):
    scenario = tmp_path / "trip.yaml"
    fault = {"kind": "over_temperature", "quantity": "bath_temperature_C", "experiment": 2, "at": "5 min"}
    scenario.write_text(yaml.safe_dump({"name": "trip", "faults": [fault]}), encoding="utf-8")
    found = run(two(targets=FAR, budget={"experiments": 3}), faults=scenario)
    assert [one.state for one in found.iterations] == ["learned", "failed", "learned"]
    assert "over_temperature tripped" in found.iterations[1].reason
    entries = journal(home)
    assert [one["key"] for one in entries if one["event"] == "stopped"] == [found.iterations[1].dispatch_key]


def test_who_waits_for_approval_does_not_stop_the_others(two, prefect_api, home):
    from devices.labfile import LabFileLimits, ReactorLimits

    file = two(targets=FAR, budget={"experiments": 3}, approval={"policy": "first_n", "n": 1})
    limits = ReactorLimits(LabFileLimits(file.with_name("two.yaml"))).read()
    found = run(file)
    assert found.status is CampaignState.WAITING
    assert "Experiment 1 waits for an approval" in found.reason
    # All others are done; the budget is kept for the one that waits.
    assert [one.state for one in found.iterations] == ["proposed", "learned", "learned"]
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        (proposal,) = ledger.waiting_for_approval()
        decision = {"author": "operator@test", "role": "operator", "limits": limits}
        ledger.approve(proposal.id, expires_h=1, **decision)
    done = run(file)
    assert [(one.state, one.reactor_starts) for one in done.iterations] == [("learned", 1)] * 3
    assert done.status is CampaignState.BUDGET_SPENT


def test_a_campaign_that_has_converged_brings_what_runs_to_its_end_and_proposes_no_more(
    two, prefect_api, home
):
    wide = [{"descriptor": "phase_fraction", "range": [0.01, 0.99], "tolerance": "10 %"}]
    found = run(two(targets=wide, budget={"experiments": 6}))
    assert found.status is CampaignState.CONVERGED
    assert [one.state for one in found.iterations] == ["learned", "learned"]


def test_a_stop_order_stops_both(two, prefect_api, home):
    from devices.errors import LabStopped
    from devices.stopping import StopOrder, give, stop_file

    reacting: list[int] = []

    def stop(event: Event) -> None:
        if event.step == "synthesise" and "reacting" in event.text:
            reacting.append(event.experiment)
            if len(reacting) == 2:
                give(StopOrder.now("smoke"), stop_file(home / "simulated", "two"))

    def real_time(lab: Entry) -> None:
        lab["backend"]["options"]["real_time_factor"] = 600.0

    with watched(stop), pytest.raises(LabStopped, match="smoke"):
        run(two(real_time, targets=FAR))
    stopped = [one for one in journal(home) if one["event"] == "stopped" and one["key"]]
    assert len(stopped) == 2
    assert all("smoke" in one["reason"] for one in stopped)


def states(home: Path) -> list[str]:
    path = ledger_path(home, simulated=True)
    if not path.exists():
        return []
    with Ledger.open(path, simulated=True) as ledger:
        return [one.state for record in ledger.campaigns() for one in ledger.experiments(record.id)]


def killed_when(
    command: list[str], environment: dict[str, str], reached: Callable[[], bool], by: signal.Signals
) -> tuple[int, str]:
    """The command, in a session of its own, sent a signal when ``reached``; exit status and what it said."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as worker:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and worker.poll() is None and not reached():
            time.sleep(0.05)
        assert worker.poll() is None, worker.communicate()
        os.kill(worker.pid, by)
        _, err = worker.communicate(timeout=60)
    return worker.returncode, err


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_ended_with_two_in_flight_both_are_reconciled_once(two, environment, home, by):
    def in_real_time(lab: Entry) -> None:
        lab["backend"]["options"]["real_time_factor"] = 1200.0

    file = two(in_real_time, targets=FAR, budget={"experiments": 2})
    command = [sys.executable, "-m", "cli.main", "dry-run", str(file), "--json"]

    def both_run() -> bool:
        try:
            return len([one for one in journal(home) if one["event"] == "start"]) == 2
        except ValueError:
            return False

    status, err = killed_when(command, environment, both_run, by)
    before = journal(home)
    if by is signal.SIGINT:
        assert status == 130, err
        assert states(home) == [State.FAILED, State.FAILED]
        # Nobody would have watched the reactors: both were stopped, and nothing is half-written.
        assert len([one for one in before if one["event"] == "stopped" and one["key"]]) == 2
    else:
        assert status == -9
        assert states(home) == [State.DISPATCHING, State.DISPATCHING]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode in (0, 1), done.stderr
    iterations = json.loads(done.stdout)["iterations"]
    if by is signal.SIGKILL:
        # Both were in their reactors still: attached to, and brought to their end.
        assert [(one["state"], one["reactor_starts"]) for one in iterations] == [("learned", 1)] * 2
        assert [one for one in journal(home) if one["event"] == "start"] == [
            one for one in before if one["event"] == "start"
        ]
        assert len(check_lab(journal(home))) == 2
    else:
        assert [(one["state"], one["reactor_starts"]) for one in iterations] == [("failed", 1)] * 2


def test_one_that_fails_lets_the_other_come_to_its_end(two, prefect_api, home, monkeypatch):
    from flows.steps import quantify

    measured = quantify._measured
    broken: list[bool] = []

    def breaks(worker, view, micrograph, *, pictured):
        if not broken:
            broken.append(True)
            raise OSError(28, "No space left on device")
        return measured(worker, view, micrograph, pictured=pictured)

    monkeypatch.setattr(quantify, "_measured", breaks)
    file = two(targets=FAR)
    with pytest.raises(OSError, match="No space left"):
        run(file)
    assert sorted(states(home)) == ["imaged", "learned"]
    done = run(file)
    assert [(one.state, one.reactor_starts) for one in done.iterations] == [("learned", 1)] * 4


def test_what_is_read_of_a_campaign_shows_each_of_them(two, prefect_api, home):
    seen: list[tuple[CampaignStatus, set[tuple[str, str]]]] = []

    def look(event: Event) -> None:
        if event.step == "synthesise" and "reacting" in event.text:
            with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
                (record,) = ledger.campaigns()
                leases = {(one.experiment_id, one.device) for one in ledger.device_leases()}
                seen.append((ledger.status(record.id), leases))

    with watched(look):
        run(two(targets=FAR, budget={"experiments": 2}))
    status, leases = seen[1]
    assert {device for _, device in leases} == {"north", "south"}
    assert [(one.state, one.device) for one in status.iterations] == [
        ("dispatching", "north"),
        ("dispatching", "south"),
    ]
    assert all(dataclasses.asdict(one)["device"] for one in status.iterations)


def test_with_one_reactor_the_next_batch_runs_while_a_sample_is_imaged(two, prefect_api, home):
    def one_reactor(lab: Entry) -> None:
        del lab["reactors"]["south"]
        lab["microscope"]["options"]["field_min"] = 45.0

    found = run(two(one_reactor, targets=FAR, budget={"experiments": 3, "in_flight": 2}))
    assert [(one.state, one.reactor_starts) for one in found.iterations] == [("learned", 1)] * 3
    entries = journal(home)
    spans = [(start, end) for _, start, end in check_lab(entries).values()]
    imaged = [one["t_s"] for one in entries if one["event"] == "imaged"]
    assert any(start < moment < end for moment in imaged for start, end in spans)


def test_a_power_cut_ends_both_and_the_same_command_goes_on(two, prefect_api, home, tmp_path):
    from devices.errors import LabDown

    scenario = tmp_path / "cut.yaml"
    fault = {"kind": "power_cut", "experiment": 2, "at": "5 min"}
    scenario.write_text(yaml.safe_dump({"name": "cut", "faults": [fault]}), encoding="utf-8")
    file = two(targets=FAR, budget={"experiments": 4})
    with pytest.raises(LabDown, match="power was cut"):
        run(file, faults=scenario)
    lost = [one["key"] for one in journal(home) if one["event"] == "stopped"]
    assert len(lost) == len(set(lost)) == 2
    found = run(file, faults=scenario)
    assert [one.state for one in found.iterations] == ["failed", "failed", "learned", "learned"]
    assert {one.reactor_starts for one in found.iterations} == {1}
    assert [one.dispatch_key for one in found.iterations[:2]] == sorted(lost)


def test_an_aborted_campaign_stops_both_reactors(two, prefect_api, home):
    reacting: list[int] = []

    def abort(event: Event) -> None:
        if event.step == "synthesise" and "reacting" in event.text:
            reacting.append(event.experiment)
            if len(reacting) == 2:
                with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
                    (record,) = ledger.campaigns()
                    ledger.set_status(record.id, "running", "aborted", author="test", reason="wrong polymer")

    def in_real_time(lab: Entry) -> None:
        lab["backend"]["options"]["real_time_factor"] = 600.0

    with watched(abort):
        found = run(two(in_real_time, targets=FAR))
    assert found.status is CampaignState.ABORTED
    assert [(one.state, one.reactor_starts) for one in found.iterations] == [("aborted", 1)] * 2
