"""Two reactors and one microscope: two experiments in flight, each device with one of them at a time."""

import dataclasses

import pytest

from campaigns.ledger import CampaignState, CampaignStatus, Ledger, ledger_path
from flows.progress import Event, watched
from tests.flows.side_by_side.conftest import FAR, Entry, check_lab, journal, run, together

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


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
