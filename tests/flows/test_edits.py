"""A person's own conditions: predicted by the campaign, and approved only then."""

from pathlib import Path

import pytest
import yaml

from campaigns.ledger import ApprovalInvalid, Ledger, State, ledger_path
from campaigns.people import Person, Role, deciding
from devices.labfile import LabFileLimits, ReactorLimits
from models.errors import UnusableInput

pytestmark = pytest.mark.slow

OPERATOR = Person("kim", Role.OPERATOR, "password")


def test_an_edit_is_predicted_before_it_is_approved_and_then_made(small_campaign: Path, prefect_api, home):
    from flows.campaign import campaign

    content = yaml.safe_load(small_campaign.read_text(encoding="utf-8"))
    content |= {"approval": {"policy": "always"}, "budget": {"experiments": 1}}
    small_campaign.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    limits = ReactorLimits(LabFileLimits(Path(content["lab"]))).read()
    assert campaign(small_campaign).status == "waiting"

    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        (first,) = ledger.waiting_for_approval()
        given = {"limits": limits, "shown": ledger.shown(first.id, limits=limits), "reason": "drier"}
        with pytest.raises(UnusableInput, match="polymer_wt_pct is 99"):
            deciding.edit(ledger, OPERATOR, first.id, {"polymer_wt_pct": 99.0}, **given)
        with pytest.raises(UnusableInput, match="Nothing was changed"):
            deciding.edit(ledger, OPERATOR, first.id, {}, **given)
        edited = deciding.edit(ledger, OPERATOR, first.id, {"polymer_wt_pct": 17.25}, **given)
        assert ledger.experiment(first.id).state is State.REJECTED
        assert edited.conditions == {**first.conditions, "polymer_wt_pct": 17.25}
        assert "edited by kim: drier" in edited.reason
        unseen = ledger.shown(edited.id, limits=limits)
        with pytest.raises(ApprovalInvalid, match="Nothing is predicted yet"):
            deciding.approve(ledger, OPERATOR, edited.id, limits=limits, shown=unseen)

    assert campaign(small_campaign).status == "waiting"
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        # Nothing was measured yet that could predict: that is what is shown now.
        assert ledger.experiment(edited.id).model_version == "design"
        with pytest.raises(ApprovalInvalid, match="not what you were shown"):
            deciding.approve(ledger, OPERATOR, edited.id, limits=limits, shown=unseen)
        shown = ledger.shown(edited.id, limits=limits)
        deciding.approve(ledger, OPERATOR, edited.id, limits=limits, shown=shown)
    ended = campaign(small_campaign)
    assert [(one.state, one.reactor_starts) for one in ended.iterations] == [("rejected", 0), ("learned", 1)]
    assert ended.iterations[1].conditions["polymer_wt_pct"] == 17.25


@pytest.mark.timeout(180)
def test_measurements_predict_an_edit(small_campaign: Path, prefect_api, home):
    from flows.campaign import campaign

    content = yaml.safe_load(small_campaign.read_text(encoding="utf-8"))
    content["targets"][0] = {"descriptor": "phase_fraction", "value": 0.05, "tolerance": "1 %"}
    content |= {"approval": {"policy": "always"}, "budget": {"experiments": 5}}
    small_campaign.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    limits = ReactorLimits(LabFileLimits(Path(content["lab"]))).read()
    for _ in range(4):
        assert campaign(small_campaign).status == "waiting"
        with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
            (one,) = ledger.waiting_for_approval()
            shown = ledger.shown(one.id, limits=limits)
            deciding.approve(ledger, OPERATOR, one.id, limits=limits, shown=shown)
    assert campaign(small_campaign).status == "waiting"
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        (one,) = ledger.waiting_for_approval()
        given = {"limits": limits, "shown": ledger.shown(one.id, limits=limits), "reason": "look elsewhere"}
        edited = deciding.edit(ledger, OPERATOR, one.id, {"polymer_wt_pct": 18.0}, **given)
    campaign(small_campaign)
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        foreseen = ledger.experiment(edited.id)
        assert foreseen.model_version == "gaussian-process+4"
        assert foreseen.manifold_distance is not None
        assert {one.descriptor for one in ledger.predictions(edited.id)} >= {"phase_fraction"}
