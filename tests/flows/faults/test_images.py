"""What the loop does about faults of the microscope: rows of docs/faults.md."""

import hashlib
from pathlib import Path

import pytest

from campaigns.ledger import CampaignState
from tests.flows.faults.conftest import Loop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

REJECTED = {
    "black_image": "black or empty",
    "saturated_image": "saturated: ",
    "wrong_magnification": "wrong magnification: 2500× instead of 5000×",
    "misfocused_image": "out of focus",
    "charged_image": "charged: ",
    "corrupt_file": "corrupt: ",
    "stage_stuck": "the same scene as field 0",
}


@pytest.mark.parametrize("kind", REJECTED)
def test_a_bad_image_is_kept_rejected_and_replaced(membrane: Loop, kind: str) -> None:
    found = membrane.run({"kind": kind, "field": 2})
    (iteration,) = found.iterations
    assert (iteration.state, iteration.fields, iteration.rejected_fields) == ("learned", 2, 1)
    (evidence,) = membrane.micrographs("rejected")
    assert evidence.field == 1
    assert hashlib.sha256(evidence.path.read_bytes()).hexdigest() == evidence.sha256
    assert [one.field for one in membrane.micrographs("measured")] == [0, 2]
    (note,) = (row for row in membrane.history() if "rejected" in row.reason)
    assert note.reason.startswith(f"field 1 at 5000× rejected: {REJECTED[kind]}")
    assert note.facts["sha256"] == evidence.sha256
    page = Path(found.report).read_text(encoding="utf-8")
    assert note.reason in page
    assert "field 2 of 2" in page
    # The measurement is of the membrane, not of the fault.
    (made,) = (entry["sample"] for entry in membrane.journal() if entry["event"] == "done")
    measured = iteration.measured["phase_fraction"].value
    assert measured == pytest.approx(made["polymer_fraction"], abs=0.04)


def test_a_microscope_that_gives_nothing_but_bad_images_costs_the_experiment_not_the_campaign(
    membrane: Loop,
) -> None:
    black = [{"kind": "black_image", "field": n} for n in range(1, 9)]
    found = membrane.run(*black, experiments=2)
    assert [one.state for one in found.iterations] == ["failed", "learned"]
    assert found.iterations[0].reason.startswith(
        "6 fields at 5000× could not be measured, and at most 5 are replaced; the last one: field 5"
    )
    assert found.iterations[0].rejected_fields == 6


def test_a_lost_vacuum_is_pumped_down_and_the_field_is_taken_again(membrane: Loop) -> None:
    found = membrane.run({"kind": "vacuum_loss", "field": 2})
    assert [(one.state, one.fields, one.rejected_fields) for one in found.iterations] == [("learned", 2, 0)]
    assert [entry["field"] for entry in membrane.journal() if entry["event"] == "imaged"] == [0, 1]


def test_a_vacuum_that_does_not_hold_waits_for_a_person(membrane: Loop) -> None:
    leaks = [{"kind": "vacuum_loss", "field": 2}] * 3
    waiting = membrane.run(*leaks)
    assert waiting.status is CampaignState.WAITING
    assert waiting.reason.startswith("The microscope failed 3 times in a row, the last time because: ")
    found = membrane.run(*leaks)
    assert [(one.state, one.fields) for one in found.iterations] == [("learned", 2)]


def test_a_burnt_filament_waits_for_a_person_and_loses_nothing(membrane: Loop) -> None:
    fault = {"kind": "filament_end", "field": 2}
    waiting = membrane.run(fault)
    assert waiting.status is CampaignState.WAITING
    assert "filament burnt out" in waiting.reason
    assert waiting.iterations[0].state == "synthesised"
    found = membrane.run(fault)
    assert [(one.state, one.fields) for one in found.iterations] == [("learned", 2)]
    assert len(membrane.check_device()) == 1


@pytest.mark.parametrize(("stuck", "ends"), [("skip", "budget_spent"), ("abort", "aborted")])
def test_a_burnt_filament_costs_the_experiment_where_nobody_is_to_be_asked(
    membrane: Loop, stuck: str, ends: str
) -> None:
    failures = {"image": {"stuck": stuck, "retries": 0}}
    found = membrane.run({"kind": "filament_end", "field": 2}, experiments=1, failures=failures)
    assert found.status == ends
    assert [one.state for one in found.iterations] == ["failed"]
    assert "filament burnt out" in found.iterations[0].reason
