"""Devices that experiments share: who has one, who is next, and what a worker that died leaves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.ledger import LeaseLost, Ledger, LedgerError
from campaigns.ledger.devices import GRACE_S

LAB = "our-lab"


@pytest.fixture
def other(ledger, campaign):
    """Another campaign in the same lab."""
    return ledger.start_campaign(
        name="other",
        seed=0,
        specification="{}",
        digest="o",
        lab="simulated",
        targets=campaign.targets,
        units={},
        author="worker",
    )


def test_first_come_first_served_across_campaigns(ledger, campaign, other):
    one, two = (ledger.acquire_lease(c.id, c.id) for c in (campaign, other))
    first = ledger.queue(LAB, "microscope", "simple-1", one)
    second = ledger.queue(LAB, "microscope", "other-1", two)
    third = ledger.queue(LAB, "microscope", "simple-2", one)
    assert ledger.take(second, ["sem"]) is None  # free, but it is not its turn
    assert ledger.take(first, []) is None
    assert ledger.take(first, ["sem"]).device == "sem"
    assert ledger.take(second, ["sem"]) is None
    ledger.give_back(first)
    assert ledger.take(third, ["sem"]) is None
    assert ledger.take(second, ["sem"]).device == "sem"
    has, waits = ledger.device_leases(LAB)
    assert (has.experiment_id, has.device, waits.experiment_id, waits.device) == (
        "other-1",
        "sem",
        "simple-2",
        "",
    )


def test_a_queue_is_of_a_kind_and_of_a_lab(ledger, campaign):
    lease = ledger.acquire_lease(campaign.id, "one")
    places = [
        ledger.queue(lab, kind, "simple-1", lease)
        for lab, kind in ((LAB, "microscope"), (LAB, "reactor"), ("their-lab", "reactor"))
    ]
    assert [ledger.take(one, ["a"]).device for one in places] == ["a", "a", "a"]


def test_several_of_a_kind_go_to_those_who_come_first(ledger, campaign):
    lease = ledger.acquire_lease(campaign.id, "one")
    places = [ledger.queue(LAB, "reactor", f"simple-{n}", lease) for n in (1, 2, 3)]
    assert [ledger.take(one, ["north", "south"]).device for one in places[:2]] == ["north", "south"]
    assert ledger.take(places[2], ["north", "south"]) is None
    ledger.give_back(places[0])
    assert ledger.take(places[2], ["north", "south"]).device == "north"


def test_a_batch_that_is_in_its_reactor_goes_before_those_who_wait(ledger, campaign, other):
    one, two = (ledger.acquire_lease(c.id, c.id) for c in (campaign, other))
    waits = ledger.queue(LAB, "reactor", "other-1", two)
    runs = ledger.queue(LAB, "reactor", "simple-1", one)
    assert ledger.take(waits, []) is None  # the reactor says that a batch of another runs
    assert ledger.take(runs, ["north"], out_of_turn=True).device == "north"
    assert ledger.take(waits, ["north"]) is None


def test_what_a_dead_worker_had_is_free_some_time_after_its_lease_has_run_out(ledger, clock, campaign, other):
    dead = ledger.acquire_lease(campaign.id, "one", seconds=60)
    had, ahead = (ledger.queue(LAB, "microscope", "simple-1", dead) for _ in range(2))
    assert ledger.take(had, ["sem"]).device == "sem"
    clock.pass_(seconds=60 + GRACE_S - 1)  # it may be that the database was away, and it comes back now
    alive = ledger.acquire_lease(other.id, "two", seconds=60)
    mine = ledger.queue(LAB, "microscope", "other-1", alive)
    assert ledger.take(mine, ["sem"]) is None
    clock.pass_(seconds=1)
    assert ledger.take(mine, ["sem"]).device == "sem"
    assert [one.experiment_id for one in ledger.device_leases()] == ["other-1"]
    # The worker was not dead, only away: it is told, and takes nothing from others.
    with pytest.raises(LedgerError, match="lost its place in the queue for a microscope"):
        ledger.take(ahead, ["sem"])
    ledger.give_back(had)
    assert [one.experiment_id for one in ledger.device_leases()] == ["other-1"]


def test_what_a_dead_worker_had_is_free_at_once_for_its_own_campaign(ledger, campaign):
    dead = ledger.acquire_lease(campaign.id, "one")
    assert ledger.take(ledger.queue(LAB, "microscope", "simple-1", dead), ["sem"]).device == "sem"
    again = ledger.acquire_lease(campaign.id, "one")  # the same machine: it knows that the process is gone
    assert ledger.take(ledger.queue(LAB, "microscope", "simple-1", again), ["sem"]).device == "sem"


def test_who_lost_its_lease_queues_no_more(ledger, clock, campaign):
    mine = ledger.acquire_lease(campaign.id, "one", seconds=1)
    clock.pass_(seconds=2)
    ledger.acquire_lease(campaign.id, "two")
    with pytest.raises(LeaseLost):
        ledger.queue(LAB, "reactor", "simple-1", mine)


DEVICES = ("north", "south")
Step = st.tuples(st.sampled_from(("queue", "take", "give_back")), st.integers(0, 5))


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(Step, max_size=40))
def test_however_they_interleave_a_device_has_one_holder_and_the_order_is_kept(
    steps, tmp_path_factory, migrated
):
    path = tmp_path_factory.mktemp("queue") / "lab.db"
    path.write_bytes(migrated.read_bytes())
    with Ledger.open(path, simulated=True) as ledger:
        record = ledger.start_campaign(
            name="c", seed=0, specification="{}", digest="d", lab="l", targets=(), units={}, author="a"
        )
        lease = ledger.acquire_lease(record.id, "one")
        waiting, having, served, asked = {}, {}, [], []
        for what, who in steps:
            if what == "queue" and who not in waiting and who not in having:
                waiting[who] = ledger.queue(LAB, "reactor", f"{who}", lease)
                asked.append(waiting[who].id)
            elif what == "take" and who in waiting:
                had = ledger.take(waiting[who], DEVICES)
                if had is not None:
                    having[who] = had
                    served.append(waiting.pop(who).id)
            elif what == "give_back" and (who in having or who in waiting):
                left = having.pop(who, None) or waiting.pop(who)
                if left.id not in served:
                    asked.remove(left.id)
                ledger.give_back(left)
            devices = [one.device for one in having.values()]
            assert len(set(devices)) == len(devices)
            assert served == asked[: len(served)]
