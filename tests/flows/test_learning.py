"""Learning in the loop: fine-tuning, the gate and the campaign's own line of versions."""

from pathlib import Path

import pytest
import yaml

from campaigns.ledger import CampaignState, Ledger, ModelUse, ledger_path
from models.errors import UnusableInput
from models.generator.retraining import read_check


@pytest.fixture
def imagining_campaign(small_campaign: Path) -> Path:
    content = yaml.safe_load(small_campaign.read_text(encoding="utf-8"))
    content["model"] = {"generator": "current"}
    content["learning"] = {"fine_tune": {"every": 1, "steps": 2, "hold_out_every": 2}}
    content["optimiser"] = {"particles": 4, "iterations": 2, "images": 1}
    content["targets"][0] |= {"value": 0.95, "tolerance": "1 %"}
    content["budget"] = {"experiments": 2}
    small_campaign.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return small_campaign


def uses(home: Path) -> list[ModelUse]:
    with Ledger.open(ledger_path(home, simulated=True), simulated=True) as ledger:
        return list(ledger.model_uses(ledger.campaigns()[0].id))


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_promoted_version_drives_the_rest_of_its_campaign_and_no_other(
    imagining_campaign, prefect_api, home, tmp_path, monkeypatch
):
    from flows import learning
    from flows.campaign import campaign
    from flows.retraining import retrain
    from models.generator import registry
    from models.generator.gate import GateReport, gate
    from tests.flows.imagined import install

    version = install(home, tmp_path / "made")
    better = GateReport(True, "better in this test", 0.5, 1.0, {}, {}, 4)
    monkeypatch.setattr(learning, "gate", lambda *_: better)
    found = campaign(imagining_campaign)
    assert found.status is CampaignState.BUDGET_SPENT
    promoted = [use.version for use in uses(home) if use.action == "promoted"]
    assert len(promoted) == 2
    assert all(name.startswith(f"{version}-ft-") for name in promoted)
    assert [one.model.split("+")[0] for one in found.iterations] == [version, promoted[0]]
    assert registry.current(home) == version
    assert {one.name for one in registry.versions(home) if not one.shipped} == {version, *promoted}
    page = Path(found.report).read_text(encoding="utf-8")
    assert "promoted: better in this test" in page
    assert page.count("data:image/png") == 2 * 4

    # The gate itself refuses an untrained candidate; then what is current stays.
    monkeypatch.setattr(learning, "gate", gate)
    refused = retrain(simulated=True, steps=1)
    assert (refused.promoted, refused.version) == (False, version)
    monkeypatch.setattr(learning, "gate", lambda *_: better)
    accepted = retrain(simulated=True, steps=1)
    assert accepted.promoted
    assert registry.current(home) == accepted.version


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_campaign_that_follows_takes_a_new_version_up_between_experiments_and_says_so(
    imagining_campaign, prefect_api, home, tmp_path, monkeypatch
):
    from flows import learning
    from flows.campaign import campaign
    from flows.progress import Event, watched
    from flows.retraining import Retraining, retrain
    from models.generator import registry
    from models.generator.gate import GateReport
    from tests.flows.imagined import install

    version = install(home, tmp_path / "made")
    content = yaml.safe_load(imagining_campaign.read_text(encoding="utf-8"))
    content["learning"] = {"follow_current": True}
    content["budget"] = {"experiments": 3}
    imagining_campaign.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    better = GateReport(True, "better in this test", 0.5, 1.0, {}, {}, 4)
    monkeypatch.setattr(learning, "gate", lambda *_: better)
    made: list[Retraining] = []
    said: list[str] = []

    def retrained_meanwhile(event: Event) -> None:
        if event.step == "learn" and event.experiment == 1:
            made.append(retrain.fn(simulated=True, steps=1, new_experiments=2))
            made.append(retrain.fn(simulated=True, steps=1, new_experiments=1, promotion="person"))
            assert registry.current(home) == version
            made.append(retrain.fn(simulated=True, steps=2))
        if event.step == "learn" and event.experiment == 2:
            registry.rollback(home)
        if event.step == "model":
            said.append(event.text)

    with watched(retrained_meanwhile):
        found = campaign(imagining_campaign)
    not_due, waiting, promoted = made
    assert (not_due.promoted, not_due.reason) == (
        False,
        "not due since the beginning: 1 of 2 new experiments",
    )
    assert not waiting.promoted
    assert "morpholoop model promote" in waiting.reason
    assert promoted.promoted
    assert [one.model.split("+")[0] for one in found.iterations] == [version, promoted.version, version]
    assert [(use.version, use.parent) for use in uses(home) if use.action == "adopted"] == [
        (promoted.version, version),
        (version, promoted.version),
    ]
    assert said == [
        f"{promoted.version} became current outside of this campaign, which was on {version}",
        f"{version} became current outside of this campaign, which was on {promoted.version}",
    ]


@pytest.mark.slow
@pytest.mark.timeout(100)
def test_a_fine_tuning_killed_half_way_is_redone_to_the_same_version(
    imagining_campaign, prefect_api, home, tmp_path, monkeypatch
):
    from flows import learning
    from flows.campaign import campaign
    from tests.flows.imagined import install

    install(home, tmp_path / "made")
    content = yaml.safe_load(imagining_campaign.read_text(encoding="utf-8"))
    content["budget"] = {"experiments": 1}
    imagining_campaign.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    whole = learning.fine_tune_and_gate
    made: list[str] = []

    def interrupted(*arguments, **options):
        made.append(whole(*arguments, **options).version)
        raise KeyboardInterrupt

    monkeypatch.setattr(learning, "fine_tune_and_gate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        campaign(imagining_campaign)
    assert [use.action for use in uses(home)] == ["proposed"]
    monkeypatch.setattr(learning, "fine_tune_and_gate", whole)
    campaign(imagining_campaign)
    assert [use.action for use in uses(home)] == ["proposed", "fine_tuned", "refused"]
    assert [use.version for use in uses(home)][1:] == made * 2


def test_retraining_without_a_ledger_says_so(home):
    from flows.retraining import retrain

    with pytest.raises(UnusableInput, match="no ledger of a real lab"):
        retrain.fn()
    retrain.fn(new_experiments=8)
    check = read_check(home)
    assert check is not None
    assert (check.due, check.reason, check.next_at) == (False, "there is no experiment of a real lab yet", "")
