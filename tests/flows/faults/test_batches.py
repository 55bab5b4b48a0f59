"""What the loop does about faults of a batch: rows of docs/faults.md."""

from pathlib import Path
from typing import Any

import pytest

from campaigns.ledger import CampaignState
from flows.seeds import derive
from sim.membrane import MembranePlant
from tests.flows.faults.conftest import Loop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LOST = {
    "probe_frozen": "the probe of pH was found frozen",
    "probe_nan": "interlock pH_high tripped at",
    "feed_pump_stall": "the pump of naoh_factor stalled",
    "feed_rate_error": "the feed of naoh_factor was -20 % off by weight",
    "over_temperature": "temperature_C reads 85 °C, at most 75 °C is safe",
    "over_pressure": "pressure_bar reads 3 bar, at most 1.5 bar is safe",
    "gas_loss": "interlock gas_lost tripped at",
    "stirrer_stop": "the stirrer's motor reports that it stands",
    "set_point_timeout": "did not come to 50.0 within 6 h",
}


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_batch_is_a_failed_experiment_with_its_reason_everywhere(precursor: Loop, kind: str) -> None:
    when = {} if kind == "set_point_timeout" else {"at": "5 min"}
    found = precursor.run({"kind": kind, **when})
    (iteration,) = found.iterations
    assert (iteration.state, iteration.fields) == ("failed", 0)
    assert LOST[kind] in iteration.reason
    assert iteration.reactor_starts == (0 if kind == "set_point_timeout" else 1)
    assert precursor.history()[-2].reason == iteration.reason
    assert precursor.history()[-2].to_state == "failed"
    assert LOST[kind].replace("'", "&#39;") in Path(found.report).read_text(encoding="utf-8")
    from cli.summary import summary

    assert LOST[kind] in summary(found).plain
    precursor.check_device()


def test_the_campaign_goes_on_with_a_new_key(membrane: Loop) -> None:
    found = membrane.run(
        {"kind": "feed_pump_stall", "at": "1 min", "quantity": "polymer_wt_pct"}, experiments=2
    )
    assert [one.state for one in found.iterations] == ["failed", "learned"]
    assert membrane.check_device() == [one.dispatch_key for one in found.iterations]
    assert found.iterations[0].conditions != found.iterations[1].conditions
    assert found.status is not CampaignState.STALLED


@pytest.mark.parametrize(("stopping", "failures"), [({}, 3), ({"give_up_after": 2}, 2)])
def test_after_some_failures_in_a_row_the_campaign_ends_with_the_reason(
    membrane: Loop, stopping: dict[str, Any], failures: int
) -> None:
    stalls = [
        {"kind": "feed_pump_stall", "at": "1 min", "quantity": "polymer_wt_pct", "experiment": n}
        for n in range(1, 6)
    ]
    found = membrane.run(*stalls, experiments=6, stopping=stopping)
    assert found.status is CampaignState.STALLED
    assert found.reason == (
        f"The last {failures} experiments failed, one after the other, the last one because: the pump of "
        "polymer_wt_pct stalled: no flow was counted; see to the lab."
    )
    assert len(membrane.check_device()) == failures


def test_a_dead_probe_keeps_the_reactor_off_until_a_person_has_replaced_it(precursor: Loop) -> None:
    fault = {"kind": "probe_nan", "at": "95 min"}
    waiting = precursor.run(fault, experiments=2)
    assert waiting.status is CampaignState.WAITING
    assert [one.state for one in waiting.iterations] == ["failed", "dispatching"]
    assert "interlock pH_high tripped" in waiting.reason
    assert waiting.iterations[1].reactor_starts == 0
    found = precursor.run(fault, experiments=2)
    assert found.campaign == waiting.campaign
    assert [(one.state, one.reactor_starts) for one in found.iterations] == [("failed", 1), ("learned", 1)]
    assert found.iterations[1].dispatch_key == waiting.iterations[1].dispatch_key
    precursor.check_device()


def test_a_drift_from_day_to_day_is_learnt_from_like_any_scatter(membrane: Loop) -> None:
    found = membrane.run({"kind": "batch_effect", "quantity": "bath_temperature_C", "size": 10.0})
    assert [(one.state, one.rejected_fields) for one in found.iterations] == [("learned", 0)]
    (start,) = (entry for entry in membrane.journal() if entry["event"] == "start")
    (made,) = (entry["sample"] for entry in membrane.journal() if entry["event"] == "done")
    plant = MembranePlant(derive(found.seed, 0, "laboratory"), hidden=True)
    meant = plant.synthesise(start["conditions"], batch=start["batch"])
    assert made["seed"] == meant.seed
    assert abs(made["spacing_um"] / meant.spacing_um - 1) > 0.01
    assert start["conditions"] == found.iterations[0].conditions


@pytest.mark.parametrize(("lost", "ends"), [("ask", "waiting"), ("abort", "aborted")])
def test_a_lost_batch_stops_the_campaign_where_that_is_asked_for(
    membrane: Loop, lost: str, ends: str
) -> None:
    stall = {"kind": "feed_pump_stall", "at": "1 min", "quantity": "polymer_wt_pct", "experiment": 1}
    found = membrane.run(stall, experiments=2, failures={"synthesise": {"lost": lost}})
    assert found.status == ends
    assert "experiment 1 is lost: " in found.reason
    assert [one.state for one in found.iterations] == ["failed"]
    if lost == "ask":
        assert (
            len(membrane.run(stall, experiments=2, failures={"synthesise": {"lost": lost}}).iterations) == 2
        )
