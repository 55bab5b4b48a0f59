"""Two experiments in flight, and something ends one of them or both."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
import yaml

from campaigns.ledger import CampaignState, Ledger, State, ledger_path
from flows.progress import Event, watched
from tests.flows.side_by_side.conftest import FAR, Entry, check_lab, journal, run, states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


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


def test_a_trip_costs_its_own_experiment_alone(two, prefect_api, home, tmp_path):
    scenario = tmp_path / "trip.yaml"
    fault = {"kind": "over_temperature", "quantity": "bath_temperature_C", "experiment": 2, "at": "5 min"}
    scenario.write_text(yaml.safe_dump({"name": "trip", "faults": [fault]}), encoding="utf-8")
    found = run(two(targets=FAR, budget={"experiments": 3}), faults=scenario)
    assert [one.state for one in found.iterations] == ["learned", "failed", "learned"]
    assert "over_temperature tripped" in found.iterations[1].reason
    entries = journal(home)
    assert [one["key"] for one in entries if one["event"] == "stopped"] == [found.iterations[1].dispatch_key]


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
