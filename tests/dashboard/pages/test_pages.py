"""Every page, for everybody who may see it, with what it has to say."""

import pytest

from campaigns.people import Role
from models.generator.retraining import RetrainingCheck, write_check
from tests.dashboard.visiting import session_of, visit

pytestmark = pytest.mark.slow  # a page or a route takes a tenth of a second, and there are many

PAGES = {
    "/lab": "No lab has been opened yet",
    "/campaigns": "membrane-s0-r1",
    "/approvals": "Nothing waits for a decision",
    "/micrographs": "experiments of membrane-s0-r1 were imaged",
    "/models": "on conditions that it was not trained on",
    "/explore": "Your own images",
    "/audit": "Is the record untouched?",
    "/people": "Who may act here",
}


def test_every_page_shows_to_an_administrator(desk, campaign_id):
    async def story(visitor):
        user = visitor(session_of(desk, Role.ADMIN))
        for path, text in PAGES.items():
            await user.open(path)
            await user.should_see(text)
            await user.should_see("STOP")

    visit(desk, story)


@pytest.mark.parametrize(
    ("role", "path", "allowed"),
    [
        (Role.VIEWER, "/audit", False),
        (Role.OPERATOR, "/audit", True),
        (Role.VIEWER, "/explore", False),
        (Role.OPERATOR, "/people", False),
        (Role.SCIENTIST, "/models", True),
    ],
)
def test_a_page_is_for_those_whose_role_allows_it(desk, campaign_id, role, path, allowed):
    async def story(visitor):
        user = visitor(session_of(desk, role))
        await user.open(path)
        told = "Your role does not allow this page"
        await (user.should_not_see(told) if allowed else user.should_see(told))

    visit(desk, story)


def test_a_first_start_offers_the_demonstration_to_those_who_may_start_it(desk):
    async def story(visitor):
        user = visitor(session_of(desk, Role.SCIENTIST))
        await user.open("/")
        await user.should_see("No campaign yet")
        await user.should_see("Run the demonstration")
        other = visitor(session_of(desk, Role.VIEWER))
        await other.open("/")
        await other.should_see("A scientist can start it")
        await other.should_not_see("Run the demonstration")

    visit(desk, story)


def test_a_campaigns_page_says_that_it_is_simulated_and_keeps_up(desk, campaign_id):
    async def story(visitor):
        user = visitor(session_of(desk, Role.SCIENTIST))
        await user.open(f"/campaigns/{campaign_id}")
        await user.should_see("SIMULATED")
        await user.should_see("0 of 20")
        await user.should_see("Pause")
        ledger, _ = desk.source.campaign(campaign_id)
        ledger.set_status(campaign_id, "running", "aborted", author="ben", reason="out of polymer")
        await user.should_see("out of polymer", retries=40)
        await user.should_not_see("Pause", retries=20)

    visit(desk, story)


def test_a_campaign_is_paused_with_a_reason_and_not_without(desk, campaign_id):
    async def story(visitor):
        user = visitor(session_of(desk, Role.SCIENTIST, "sam"))
        await user.open(f"/campaigns/{campaign_id}")
        user.find("Pause").click()
        await user.should_see("Say why first")
        user.find("Reason").type("lunch")
        user.find("Pause").click()
        await user.should_see("Paused", retries=20)

    visit(desk, story)
    ledger, record = desk.source.campaign(campaign_id)
    assert (record.status, record.reason) == ("waiting", "paused: lunch")
    assert ledger.history(campaign_id)[-1].author == "sam"


def test_what_is_not_there_is_told(desk, campaign_id):
    async def story(visitor):
        user = visitor(session_of(desk, Role.VIEWER))
        for path, text in (
            ("/campaigns/none", "No such campaign"),
            ("/approvals/none", "There is no experiment none"),
            ("/micrographs/none", "There is no experiment none"),
        ):
            await user.open(path)
            await user.should_see(text)

    visit(desk, story)


def test_a_page_whose_session_has_ended_goes_to_sign_in(desk, campaign_id):
    async def story(visitor):
        secret = session_of(desk, Role.VIEWER)
        user = visitor(secret)
        await user.open("/campaigns")
        desk.people.close_session(secret)
        answer = await user.http_client.get("/campaigns", follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/sign-in?to=/campaigns"

    visit(desk, story)


def test_many_campaigns_are_turned_over(desk, campaign_id):
    ledger, record = desk.source.campaign(campaign_id)
    for seed in range(1, 27):
        ledger.start_campaign(
            name=f"c{seed:02d}",
            seed=seed,
            specification=record.specification,
            digest="x",
            lab=record.lab,
            targets=record.targets,
            units=record.units,
            author="test",
        )

    async def story(visitor):
        user = visitor(session_of(desk, Role.VIEWER))
        await user.open("/campaigns")
        await user.should_see("c26-s26-r1")
        await user.should_see("Older campaigns")
        await user.should_not_see(campaign_id)
        await user.open("/campaigns?start=25")
        await user.should_see(campaign_id)
        await user.should_see("Newer campaigns")
        await user.should_not_see("Older campaigns")

    visit(desk, story)


def test_models_says_when_retraining_was_looked_at_and_when_it_will_be(desk, home):
    when = {"at": "2026-11-22T03:00:05+00:00", "next_at": "2026-11-23T03:00:00+00:00"}
    reason = "not due since the beginning: 3 of 8 new experiments"
    write_check(RetrainingCheck(simulated=False, due=False, reason=reason, **when), home)

    async def story(visitor):
        user = visitor(session_of(desk, Role.VIEWER))
        await user.open("/models")
        for text in ("no retraining due", "3 of 8 new experiments", "Next look:", "2026-11-23 03:00:00"):
            await user.should_see(text)

    visit(desk, story)
