import dataclasses
import json
import math
from pathlib import Path

import pytest

from campaigns.ledger import CampaignState, LedgerError, Measurement, Micrograph, ModelUse, Prediction
from models.values import Estimate, Interval

D50 = Interval(8.2, 8.0, 8.4, 0.95, 4, 6)
NOTHING = Interval(math.nan, math.nan, math.nan, 0.95, 4, 0)


def fill(ledger, experiment):
    ledger.record_predictions(
        experiment.id,
        [
            Prediction("d50_um", "µm", Estimate(8.0, 0.2), "compact-1"),
            Prediction("sphericity_sd", "–", Estimate(math.nan, math.nan), "compact-1"),
        ],
    )
    ledger.record_measurements(
        experiment.id, [Measurement("d50_um", "µm", D50), Measurement("sphericity_sd", "–", NOTHING)]
    )


def test_recording_twice_changes_nothing_and_otherwise_is_refused(ledger, proposed):
    fill(ledger, proposed)
    fill(ledger, proposed)
    assert [one.descriptor for one in ledger.predictions(proposed.id)] == ["d50_um", "sphericity_sd"]
    assert ledger.measurements(proposed.id)[0] == Measurement("d50_um", "µm", D50)
    other = dataclasses.replace(D50, value=8.3)
    with pytest.raises(LedgerError, match="another measurement of d50_um in look 1"):
        ledger.record_measurements(proposed.id, [Measurement("d50_um", "µm", other)])
    with pytest.raises(LedgerError, match="another prediction of d50_um"):
        ledger.record_predictions(proposed.id, [Prediction("d50_um", "µm", Estimate(7, 1), "compact-1")])


def test_the_latest_look_counts_and_earlier_ones_stay(ledger, proposed):
    fill(ledger, proposed)
    closer = dataclasses.replace(D50, low=8.1, high=8.3, n_fields=8)
    ledger.record_measurements(proposed.id, [Measurement("d50_um", "µm", closer, look=2)])
    assert ledger.measurements(proposed.id) == (Measurement("d50_um", "µm", closer, look=2),)
    assert len(ledger.measurements(proposed.id, look=1)) == 2
    assert len(ledger.measurements(proposed.id, look="all")) == 3


def test_micrographs_are_known_by_checksum(ledger, proposed):
    fields = [
        Micrograph("measured", 3000, n, Path(f"{n}.tif"), f"sha{n}", 0.033, "2026-01-02") for n in range(3)
    ]
    predicted = Micrograph("predicted", 15000, 0, Path("p.png"), "sha9", 0.026)
    ledger.record_micrographs(proposed.id, [*fields[:2], predicted])
    ledger.record_micrographs(proposed.id, fields)
    assert ledger.micrographs(proposed.id, kind="measured") == tuple(fields)
    assert ledger.micrographs(proposed.id, magnification=15000) == (predicted,)
    changed = dataclasses.replace(fields[0], sha256="other")
    with pytest.raises(LedgerError, match="another measured micrograph 3000× field 0"):
        ledger.record_micrographs(proposed.id, [changed])


def test_model_uses_are_kept_in_order(ledger, campaign, proposed):
    ledger.record_model_use(campaign.id, ModelUse("compact-1", "proposed", experiment_id=proposed.id))
    ledger.record_model_use(
        campaign.id,
        ModelUse("compact-2", "refused", "compact-1", {"error": 0.2}, "worse on held-out conditions"),
    )
    first, second = ledger.model_uses(campaign.id)
    assert (first.version, first.action, first.experiment_id) == ("compact-1", "proposed", proposed.id)
    assert (second.parent, second.metrics, second.reason) == (
        "compact-1",
        {"error": 0.2},
        "worse on held-out conditions",
    )


def test_the_status_is_the_promised_object(ledger, campaign, proposed):
    fill(ledger, proposed)
    ledger.add_time(campaign.id, virtual_hours=12.5, seconds=3)
    ledger.add_time(campaign.id, seconds=4)
    ledger.set_report(campaign.id, "report.html")
    ledger.set_status(campaign.id, "running", "waiting", author="worker", reason="waits for an approval")
    status = json.loads(json.dumps(ledger.status(campaign.id).as_json(), allow_nan=False))
    promised = {
        "campaign",
        "simulated",
        "status",
        "reason",
        "iterations",
        "virtual_hours",
        "seconds",
        "report",
    }
    assert promised <= set(status)
    assert (status["status"], status["simulated"], status["report"]) == ("waiting", True, "report.html")
    assert (status["virtual_hours"], status["seconds"]) == (12.5, 7.0)
    (iteration,) = status["iterations"]
    assert {
        "index", "conditions", "predicted", "measured", "target", "discrepancy", "fields", "representative",
        "model", "state", "dispatch_key", "reactor_starts",
    } <= set(iteration)  # fmt: skip
    assert iteration["measured"]["d50_um"]["ci"] == [8.0, 8.4]
    assert iteration["measured"]["sphericity_sd"]["value"] is None
    assert iteration["predicted"]["d50_um"] == {"mean": 8.0, "sd": 0.2, "unit": "µm"}
    assert iteration["target"]["sphericity_sd"]["low"] is None
    assert iteration["discrepancy"] == {"d50_um": pytest.approx(0.025)}
    assert iteration["conditions"] == {"pH": 10.5, "gas": "N2"}


def test_an_unfinished_campaign_is_found_again(ledger, campaign):
    found = ledger.resumable(name="simple", seed=0, digest="d")
    assert found == campaign
    assert ledger.resumable(name="simple", seed=0, digest="changed") is None
    assert ledger.resumable(name="simple", seed=1, digest="d") is None
    ended = ledger.set_status(campaign.id, "running", "converged", author="worker", reason="met")
    assert ended.status is CampaignState.CONVERGED
    assert ledger.resumable(name="simple", seed=0, digest="d") is None
    with pytest.raises(LedgerError, match="cannot become"):
        ledger.set_status(campaign.id, "converged", "running", author="worker", reason="")
    with pytest.raises(LedgerError, match="no longer running"):
        ledger.set_status(campaign.id, "running", "aborted", author="worker", reason="")
    assert [move.to_state for move in ledger.history(campaign.id)] == ["running", "converged"]
    assert campaign.targets[1].low == -math.inf
