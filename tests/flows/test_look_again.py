"""A field that a person leaves out after its experiment was judged counts no more for what follows."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from campaigns.ledger import Ledger, State, ledger_path
from campaigns.people import Person, Role, deciding
from devices.labfile import LabFileLimits, ReactorLimits

pytestmark = pytest.mark.slow

OPERATOR = Person("kim", Role.OPERATOR, "password")


def row(experiment: str, **facts: object) -> SimpleNamespace:
    moved = facts.pop("moved", ("learned", "learned"))
    return SimpleNamespace(experiment_id=experiment, from_state=moved[0], to_state=moved[1], facts=facts)


@pytest.mark.parametrize(("left", "due"), [(3, False), (2, True)])
def test_what_is_left_out_during_a_look_is_seen_by_the_next(left: int, due: bool, monkeypatch):
    """The look counted three fields; its row comes after that of a rejection that it may not have known."""
    from flows.steps import look_again

    rows = [
        row("e", moved=("imaged", "quantified"), fields=4),
        row("e", rejected_field=0),
        row("e", rejected_field=1),
        row("e", look=2, fields=3),
        row("never touched", moved=("imaged", "quantified"), fields=9),
    ]
    accepted = [SimpleNamespace(id="e"), SimpleNamespace(id="never touched")]
    worker = SimpleNamespace(
        campaign_id="c", ledger=SimpleNamespace(history=lambda _: rows), accepted=lambda: accepted
    )
    monkeypatch.setattr(look_again, "count_fields", lambda _, one: left)
    assert [one.id for one in look_again.outdated(worker)] == (["e"] if due else [])


@pytest.mark.timeout(120)
def test_what_is_left_out_later_is_measured_without(small_campaign: Path, prefect_api, home):
    from flows.campaign import campaign

    content = yaml.safe_load(small_campaign.read_text(encoding="utf-8"))
    content["targets"][0] = {"descriptor": "phase_fraction", "value": 0.05, "tolerance": "1 %"}
    content |= {"approval": {"policy": "always"}, "budget": {"experiments": 2}}
    content["imaging"]["views"][0]["fields"] = {"min": 3, "max": 4}
    small_campaign.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    limits = ReactorLimits(LabFileLimits(Path(content["lab"]))).read()
    path = ledger_path(home, simulated=True)

    def proposed() -> str:
        assert campaign(small_campaign).status == "waiting"
        with Ledger.open(path, simulated=True) as ledger:
            (one,) = ledger.waiting_for_approval()
            return one.id

    first = proposed()
    with Ledger.open(path, simulated=True) as ledger:
        shown = ledger.shown(first, limits=limits)
        deciding.approve(ledger, OPERATOR, first, limits=limits, shown=shown)
    second = proposed()
    with Ledger.open(path, simulated=True) as ledger:
        before = {one.descriptor: one for one in ledger.measurements(first)}
        taken = ledger.experiment(first).fields
        images = ledger.micrographs(first, kind="measured")
        deciding.reject_field(ledger, OPERATOR, first, images[0].sha256, "a fibre lies across it")
        assert {one.descriptor: one for one in ledger.measurements(first)} == before

    assert proposed() == second
    with Ledger.open(path, simulated=True) as ledger:
        after = {one.descriptor: one for one in ledger.measurements(first)}
        looks = {one.look for one in before.values()} | {one.look for one in after.values()}
        assert looks == {max(looks) - 1, max(looks)}
        for name, one in after.items():
            assert one.interval.n_fields == before[name].interval.n_fields - 1
            assert one.interval.value != before[name].interval.value
        experiment = ledger.experiment(first)
        assert (experiment.state, experiment.fields) == (State.LEARNED, taken)  # what was spent stays spent
        last = ledger.history(experiment.campaign_id, first)[-1]
        assert last.reason == f"look {max(looks)}: {taken - 1} fields of view are left"
        deciding.reject_field(ledger, OPERATOR, first, images[1].sha256, "charged")
    away = images[2].path.rename(images[2].path.with_suffix(".away"))

    # An image that is gone ends no campaign: what was measured stays until it is there again.
    assert proposed() == second
    with Ledger.open(path, simulated=True) as ledger:
        known = {one.descriptor: one for one in ledger.measurements(first)}
        assert known == after
        away.rename(images[2].path)
        for image in images[2:]:
            deciding.reject_field(ledger, OPERATOR, first, image.sha256, "charged")

    assert proposed() == second
    with Ledger.open(path, simulated=True) as ledger:
        assert all(math.isnan(one.interval.value) for one in ledger.measurements(first))
        assert ledger.experiment(first).representative is False
        rows = len(ledger.history(experiment.campaign_id))
        shown = ledger.shown(second, limits=limits)
        deciding.approve(ledger, OPERATOR, second, limits=limits, shown=shown)
        assert ledger.verify_chain().holds
    ended = campaign(small_campaign)
    assert [one.state for one in ended.iterations] == ["learned", "learned"]
    with Ledger.open(path, simulated=True) as ledger:
        # Nothing was looked at a second time for the same reason.
        news = ledger.history(experiment.campaign_id)[rows:]
        assert not [row for row in news if row.experiment_id == first]
