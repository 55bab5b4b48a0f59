"""The page where a person lets a reactor start."""

import time

import pytest

from campaigns.people import Role
from tests.dashboard.visiting import session_of, visit

pytestmark = pytest.mark.slow  # a page or a route takes a tenth of a second, and there are many


def _without_workers(desk):
    """Nothing is to be driven here."""
    desk.acts.starter.go_on = lambda record, wanted: False


def _state(desk, experiment_id):
    return str(desk.source.experiment(experiment_id)[1].state)


def test_it_tells_what_why_and_how_sure(desk, proposal):
    async def story(visitor):
        user = visitor(session_of(desk, Role.OPERATOR))
        await user.open(f"/approvals/{proposal}")
        for text in (
            "swarm: objective 1.2",
            "gaussian-process+4",
            "OUTSIDE what the model has seen",
            "0.45 ± 0.01",
            "0.45 (± 0.0225)",
            "12 wt%",
            "8 to 28",
            "proposals for the first time",
            "24 h",
        ):
            await user.should_see(text)

    visit(desk, story)


def test_a_viewer_decides_nothing(desk, proposal):
    async def story(visitor):
        user = visitor(session_of(desk, Role.VIEWER))
        await user.open(f"/approvals/{proposal}")
        await user.should_see("An operator decides")
        await user.should_not_see("Approve exactly this")

    visit(desk, story)


def test_of_two_who_decide_one_wins_and_the_other_is_told(desk, proposal):
    _without_workers(desk)

    async def story(visitor):
        olga = visitor(session_of(desk, Role.OPERATOR, "olga"))
        otto = visitor(session_of(desk, Role.OPERATOR, "otto"))
        await olga.open(f"/approvals/{proposal}")
        await otto.open(f"/approvals/{proposal}")
        olga.find("Approve exactly this").click()
        await olga.should_see("Approved until", retries=20)
        # Otto's page has not looked yet.
        otto.find("Comment (needed to reject or edit)").type("not today")
        otto.find("Reject").click()
        await otto.should_see("approved by olga", retries=30)

    visit(desk, story)
    assert _state(desk, proposal) == "approved"
    ledger, _ = desk.source.experiment(proposal)
    assert [(one.decision, one.author) for one in ledger.approvals(proposal)] == [("approved", "olga")]


def test_a_rejection_needs_a_reason(desk, proposal):
    _without_workers(desk)

    async def story(visitor):
        user = visitor(session_of(desk, Role.OPERATOR))
        await user.open(f"/approvals/{proposal}")
        user.find("Reject").click()
        await user.should_see("needs a reason", retries=20)
        assert _state(desk, proposal) == "proposed"
        user.find("Comment (needed to reject or edit)").type("too much polymer")
        user.find("Reject").click()
        await user.should_see("Rejected", retries=20)

    visit(desk, story)
    assert _state(desk, proposal) == "rejected"


def test_an_edit_is_checked_and_becomes_a_proposal_that_waits_for_its_prediction(desk, proposal):
    _without_workers(desk)

    async def story(visitor):
        user = visitor(session_of(desk, Role.OPERATOR, "olga"))
        await user.open(f"/approvals/{proposal}")
        user.find("Comment (needed to reject or edit)").type("less polymer")
        user.find("Propose these instead").click()
        await user.should_see("Nothing was changed", retries=20)
        user.find("polymer_wt_pct (wt%), 10 to 25").clear().type("11")
        user.find("Propose these instead").click()
        await user.should_see("Proposed as experiment 2", retries=20)

        await user.open("/approvals/asked-s0-r1-002")
        await user.should_see("Nothing is predicted for these conditions yet")
        await user.should_see("edited by olga: less polymer")

    visit(desk, story)
    _, made = desk.source.experiment("asked-s0-r1-002")
    assert made.conditions["polymer_wt_pct"] == 11.0
    assert made.edited_from == proposal


def test_a_person_who_was_disabled_meanwhile_approves_nothing(desk, proposal):
    _without_workers(desk)

    async def story(visitor):
        user = visitor(session_of(desk, Role.OPERATOR, "olga"))
        await user.open(f"/approvals/{proposal}")
        desk.people.set_disabled("olga", True, by="test")
        user.find("Approve exactly this").click()
        await user.should_see("Nobody is signed in", retries=20)

    visit(desk, story)
    assert _state(desk, proposal) == "proposed"


def test_without_limits_there_is_no_decision(desk, proposal, monkeypatch):
    from devices.errors import LabError

    def unreadable(campaign):
        raise LabError("the limits cannot be read")

    monkeypatch.setattr(desk.acts, "limits", unreadable)

    async def story(visitor):
        user = visitor(session_of(desk, Role.OPERATOR))
        await user.open(f"/approvals/{proposal}")
        await user.should_see("No decision can be taken now")
        await user.should_not_see("Approve exactly this")

    visit(desk, story)


def test_what_came_of_a_decision_is_told_though_its_button_is_gone_by_then(desk, proposal, monkeypatch):
    _without_workers(desk)
    approve = desk.acts.approve

    def slowly(*arguments, **options):
        given = approve(*arguments, **options)
        # The page looks meanwhile, and takes the card with the button away.
        time.sleep(1.5)
        return given

    monkeypatch.setattr(desk.acts, "approve", slowly)

    async def story(visitor):
        user = visitor(session_of(desk, Role.OPERATOR))
        await user.open(f"/approvals/{proposal}")
        user.find("Approve exactly this").click()
        await user.should_not_see("Approve exactly this", retries=30)
        await user.should_see("Approved until", retries=40)

    visit(desk, story)
