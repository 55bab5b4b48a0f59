"""When a retraining is due."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.ledger import ExperimentRecord, Ledger, Measurement, ModelUse, Prediction
from flows.triggers import Triggers, drift, due, last_attempt
from models.values import Estimate, Interval

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = BEGAN

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "lab.db", simulated=True, now=clock) as opened:
        opened.start_campaign(
            name="c", seed=0, specification="{}", digest="d", lab="l", targets=(), units={}, author="t"
        )
        yield opened


def experiments(ledger: Ledger, clock: Clock, *errors: float) -> list[ExperimentRecord]:
    """Experiments, a day apart, whose measured D50 is off the predicted one by so many standard errors."""
    made = []
    for index, error in enumerate(errors, start=1):
        clock.time += timedelta(days=1)
        one = ledger.propose(
            "c-s0-r1", index=index, conditions={"pH": 10}, units={}, model_version="g", author="t"
        )
        ledger.record_predictions(one.id, [Prediction("d50_um", "µm", Estimate(8.0, 0.3), "g")])
        # A half width of 0.8: a standard error of 0.4, and with the prediction's 0.3 in all 0.5.
        value = 8.0 + 0.5 * error
        interval = Interval(value, value - 0.8, value + 0.8, 0.95, 4, 4)
        ledger.record_measurements(one.id, [Measurement("d50_um", "µm", interval)])
        made.append(ledger.experiment(one.id))
    return made


def test_without_a_trigger_it_is_always_due(ledger, clock):
    assert due(ledger, [], Triggers(), clock())[0]


def test_by_the_number_of_experiments_since_the_last_attempt_refused_or_not(ledger, clock):
    made = experiments(ledger, clock, 0, 0, 0)
    wanted = Triggers(new_experiments=3)
    assert due(ledger, made, wanted, clock()) == (True, "3 experiments were accepted since the beginning")
    use = ModelUse("g-ft", "fine_tuned", "g", reason="retraining, refused: worse", experiment_id=made[-1].id)
    ledger.record_model_use("c-s0-r1", use)
    assert last_attempt(ledger) == clock().isoformat(timespec="microseconds")
    assert due(ledger, made, wanted, clock()) == (
        False,
        "not due since the last attempt on 2026-01-04: 0 of 3 new experiments",
    )


def test_what_a_campaign_fine_tunes_for_itself_is_no_retraining(ledger, clock):
    (one,) = experiments(ledger, clock, 0)
    ledger.record_model_use("c-s0-r1", ModelUse("g-ft", "fine_tuned", "g", experiment_id=one.id))
    assert last_attempt(ledger) is None


def test_by_predictions_that_go_astray(ledger, clock):
    made = experiments(ledger, clock, 1, -1, 1, -3, 3, 3)
    assert drift(ledger, made[:2]) is None
    assert drift(ledger, made[:3]) == pytest.approx(1.0)
    assert drift(ledger, made[3:]) == pytest.approx(3.0)
    assert not due(ledger, made[:3], Triggers(drift=2), clock())[0]
    is_due, why = due(ledger, made, Triggers(drift=2, drift_over=3), clock())
    assert (is_due, why) == (True, "predictions are off by 3 standard errors (at most 2)")


def test_by_time_but_not_without_anything_new(ledger, clock):
    (one,) = experiments(ledger, clock, 0)
    clock.time += timedelta(days=29)
    assert not due(ledger, [one], Triggers(days=30), clock())[0]
    clock.time += timedelta(days=1)
    assert due(ledger, [one], Triggers(days=30), clock())[0]
    assert not due(ledger, [], Triggers(days=30), clock())[0]
