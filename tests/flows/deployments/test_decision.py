"""What somebody types in Prefect's form is recorded like any other decision, and under the same rules."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from campaigns.ledger import ApprovalInvalid, ExperimentRecord, Ledger, StaleTransition, ledger_path
from campaigns.people import NotAllowed, People, Role, SignInRefused
from campaigns.specification import load
from devices.limits import Limit
from flows.deployments.decision import Decision, _record
from models.errors import UnusableInput

LIBRARY = Path(__file__).parents[3] / "campaigns" / "library"
LIMITS = {"pH": Limit("pH", "", 9.0, 11.0)}


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    """The ledger of a real lab."""
    with Ledger.open(ledger_path(home, simulated=False), simulated=False) as opened:
        yield opened


@pytest.fixture
def proposal(ledger: Ledger) -> ExperimentRecord:
    campaign = load(LIBRARY / "membrane.yaml")
    record = ledger.start_campaign(
        name="real",
        seed=0,
        specification=campaign.to_json(),
        digest="d",
        lab="l",
        targets=(),
        units={},
        author="t",
    )
    return ledger.propose(
        record.id, index=1, conditions={"pH": 10.0}, units={}, model_version="m", author="t"
    )


@pytest.fixture
def tokens(home: Path) -> dict[str, str]:
    """An API token of an operator and one of a viewer."""
    with People.open(home) as people:
        people.add("olga", Role.OPERATOR, None, by="test")
        people.add("vera", Role.VIEWER, None, by="test")
        return {name: people.add_token(name, "prefect", by="test")[0] for name in ("olga", "vera")}


def typed(ledger: Ledger, proposal: ExperimentRecord, **given: str) -> str:
    shown = ledger.shown(proposal.id, limits=LIMITS)
    return _record(ledger, proposal, Decision(**given), LIMITS, shown)


def test_a_decision_has_no_default():
    for nothing in ({}, {"reason": "because"}, {"decision": "perhaps"}):
        with pytest.raises(ValidationError):
            Decision(**nothing)


def test_for_a_real_lab_it_is_the_person_of_the_token(ledger, proposal, tokens):
    assert typed(ledger, proposal, decision="approve", reason="fine", token=tokens["olga"]) == "olga"
    (approval,) = ledger.approvals(proposal.id)
    assert (approval.decision, approval.author, approval.role, approval.reason) == (
        "approved",
        "olga",
        "operator",
        "fine",
    )


def test_nobody_else_decides_for_a_real_lab(ledger, proposal, tokens):
    for token, error in (("", UnusableInput), ("mlt_nonsense", SignInRefused), (tokens["vera"], NotAllowed)):
        with pytest.raises(error):
            typed(ledger, proposal, decision="approve", token=token)
    with pytest.raises(UnusableInput, match="needs a reason"):
        typed(ledger, proposal, decision="reject", token=tokens["olga"])
    assert ledger.approvals(proposal.id) == ()
    assert ledger.experiment(proposal.id).state == "proposed"


def test_it_is_about_what_the_form_showed_and_only_once(ledger, proposal, tokens):
    answer = Decision(decision="approve", token=tokens["olga"])
    shown = ledger.shown(proposal.id, limits=LIMITS)
    narrower = {"pH": Limit("pH", "", 9.0, 10.5)}
    with pytest.raises(ApprovalInvalid):
        _record(ledger, proposal, answer, narrower, shown)
    _record(ledger, proposal, answer, LIMITS, shown)
    with pytest.raises((StaleTransition, ApprovalInvalid)):
        _record(ledger, proposal, answer, LIMITS, shown)
    assert len(ledger.approvals(proposal.id)) == 1
