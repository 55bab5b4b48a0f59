import pytest

from campaigns.ledger import LeaseHeld, LeaseLost, State


def test_one_worker_drives_a_campaign_at_a_time(ledger, campaign, proposed):
    mine = ledger.acquire_lease(campaign.id, "one")
    with pytest.raises(LeaseHeld, match="driven by one until"):
        ledger.acquire_lease(campaign.id, "two")
    ledger.transition(proposed.id, "proposed", "aborted", author="one", lease=mine)
    ledger.release_lease(mine)
    ledger.acquire_lease(campaign.id, "two")


def test_an_expired_lease_is_taken_over_and_fences_the_late_worker(ledger, clock, campaign, proposed):
    mine = ledger.acquire_lease(campaign.id, "one", seconds=60)
    clock.pass_(seconds=60)
    theirs = ledger.acquire_lease(campaign.id, "two", seconds=60)
    with pytest.raises(LeaseLost, match="no longer drives"):
        ledger.transition(proposed.id, "proposed", "aborted", author="one", lease=mine)
    with pytest.raises(LeaseLost):
        ledger.renew_lease(mine)
    with pytest.raises(LeaseLost):
        ledger.set_status(campaign.id, "running", "aborted", author="one", reason="", lease=mine)
    with pytest.raises(LeaseLost):
        ledger.propose(campaign.id, index=2, conditions={}, units={}, model_version="", author="", lease=mine)
    ledger.release_lease(mine)  # gives back nothing of the other's
    assert ledger.experiment(proposed.id).state is State.PROPOSED
    ledger.transition(proposed.id, "proposed", "aborted", author="two", lease=theirs)


def test_a_renewed_lease_lasts(ledger, clock, campaign):
    mine = ledger.acquire_lease(campaign.id, "one", seconds=60)
    clock.pass_(seconds=50)
    mine = ledger.renew_lease(mine, seconds=60)
    clock.pass_(seconds=50)
    with pytest.raises(LeaseHeld):
        ledger.acquire_lease(campaign.id, "two")
    assert mine.expires_at.startswith("2026-01-01T00:01:50")


def test_an_expired_lease_that_nobody_took_still_counts(ledger, clock, campaign, proposed):
    mine = ledger.acquire_lease(campaign.id, "one", seconds=1)
    clock.pass_(seconds=5)
    ledger.transition(proposed.id, "proposed", "aborted", author="one", lease=mine)
    assert ledger.renew_lease(mine).token == mine.token
