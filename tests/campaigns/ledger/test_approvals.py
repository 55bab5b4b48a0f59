from pathlib import Path

import pytest

from campaigns.ledger import ApprovalInvalid, Micrograph, StaleTransition, State
from devices.limits import Limit

LIMITS = {"pH": Limit("pH", "", 9.0, 11.0)}


def approve(ledger, experiment, **changes):
    given = {"author": "kim", "role": "operator", "limits": LIMITS, "expires_h": 1.0} | changes
    return ledger.approve(experiment.id, **given)


def picture(sha256: str, field: int = 0) -> Micrograph:
    return Micrograph("predicted", 3000, field, Path("p.png"), sha256, 0.25)


def test_an_approval_says_who_when_until_when_and_over_what(ledger, clock, proposed):
    ledger.record_micrographs(proposed.id, [picture("ab12")])
    approval = approve(ledger, proposed, reason="looks fine")
    assert (approval.author, approval.role, approval.decision) == ("kim", "operator", "approved")
    assert approval.at.startswith("2026-01-01T00:00:00")
    assert approval.expires_at.startswith("2026-01-01T01:00:00")
    for text in ("10.5", "N2", "compact-1", "ab12", "11.0"):
        assert text in approval.grounds
    assert ledger.check_approval(proposed.id, limits=LIMITS) == approval
    assert ledger.approvals(proposed.id) == (approval,)


def test_a_key_is_minted_on_a_valid_approval_only(ledger, clock, proposed):
    approve(ledger, proposed)
    clock.pass_(minutes=59)
    moved = ledger.mint_dispatch_key(proposed.id, limits=LIMITS, author="worker")
    assert moved.state is State.DISPATCHING
    assert moved.dispatch_key
    with pytest.raises(StaleTransition):
        ledger.mint_dispatch_key(proposed.id, limits=LIMITS, author="other")


def test_a_clock_that_was_set_back_prolongs_no_approval(ledger, clock, proposed):
    approve(ledger, proposed)
    clock.pass_(seconds=-30)
    ledger.check_approval(proposed.id, limits=LIMITS)
    clock.pass_(hours=-3)
    with pytest.raises(ApprovalInvalid, match="the clock was set back"):
        ledger.mint_dispatch_key(proposed.id, limits=LIMITS, author="worker")
    assert ledger.experiment(proposed.id).dispatch_key is None


def test_an_expired_approval_dispatches_nothing(ledger, clock, proposed):
    approve(ledger, proposed)
    clock.pass_(hours=1)
    with pytest.raises(ApprovalInvalid, match="expired at 2026-01-01T01"):
        ledger.mint_dispatch_key(proposed.id, limits=LIMITS, author="worker")
    stuck = ledger.experiment(proposed.id)
    assert (stuck.state, stuck.dispatch_key) == (State.APPROVED, None)
    ledger.transition(proposed.id, "approved", "proposed", author="worker", reason="approval expired")
    approve(ledger, proposed)
    assert ledger.mint_dispatch_key(proposed.id, limits=LIMITS, author="worker").dispatch_key


@pytest.mark.parametrize("high", [10.9, 11.1, float("inf")])
def test_changed_limits_void_an_approval(ledger, proposed, high):
    approve(ledger, proposed)
    with pytest.raises(ApprovalInvalid, match="limits changed"):
        ledger.mint_dispatch_key(proposed.id, limits={"pH": Limit("pH", "", 9.0, high)}, author="worker")


def test_other_predicted_micrographs_void_an_approval(ledger, proposed):
    approve(ledger, proposed)
    ledger.record_micrographs(proposed.id, [picture("cd34", field=1)])
    with pytest.raises(ApprovalInvalid, match="predicted changed"):
        ledger.check_approval(proposed.id, limits=LIMITS)


def test_conditions_changed_behind_the_ledger_void_an_approval(ledger, proposed):
    approve(ledger, proposed)
    with ledger._write() as session:
        session.connection().exec_driver_sql("UPDATE experiment SET conditions = '{\"pH\": 13}'")
    with pytest.raises(ApprovalInvalid, match="conditions changed"):
        ledger.mint_dispatch_key(proposed.id, limits=LIMITS, author="worker")


def test_without_an_approval_there_is_nothing_to_check(ledger, proposed):
    with pytest.raises(ApprovalInvalid, match="no approval"):
        ledger.check_approval(proposed.id, limits=LIMITS)


def test_a_rejection_is_final_and_on_record(ledger, campaign, proposed):
    assert ledger.waiting_for_approval(campaign.id) == (proposed,)
    rejection = ledger.reject(proposed.id, author="kim", role="operator", limits=LIMITS, reason="too caustic")
    assert (rejection.decision, rejection.reason) == ("rejected", "too caustic")
    assert ledger.experiment(proposed.id).state is State.REJECTED
    assert ledger.waiting_for_approval() == ()
    with pytest.raises(StaleTransition):
        approve(ledger, proposed)
    with pytest.raises(ApprovalInvalid):
        ledger.check_approval(proposed.id, limits=LIMITS)
