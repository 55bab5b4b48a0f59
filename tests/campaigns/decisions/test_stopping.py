import math

import pytest

from campaigns.decisions import (
    ExperimentOutcome,
    Next,
    Outcome,
    Spent,
    Verdict,
    fine_tune_due,
    held_out,
    judge,
)
from campaigns.ledger import FINAL_STATUSES
from campaigns.specification import Budget, Stopping

BUDGET = Budget(experiments=8, lab_hours=100, real_hours=None, fields=50)
STOPPING = Stopping(stall_after=3, min_improvement=0.1)


def outcome(index: int, distance: float, *outcomes: str) -> ExperimentOutcome:
    found = tuple(Verdict(f"x{n}", Outcome(one), "") for n, one in enumerate(outcomes or ("missed",)))
    return ExperimentOutcome(index, found, distance)


def test_nothing_yet_goes_on():
    judgement = judge([], Spent(), BUDGET, STOPPING)
    assert judgement.status is Next.CONTINUE
    assert "No experiment has been measured" in judgement.reason


def test_converged_only_when_every_descriptor_is_met():
    assert judge([outcome(1, 0.1, "met", "missed")], Spent(1), BUDGET, STOPPING).status is Next.CONTINUE
    done = judge([outcome(1, 3), outcome(2, 0.1, "met", "met")], Spent(2), BUDGET, STOPPING)
    assert done.status is Next.CONVERGED
    assert "Experiment 2 meets the target" in done.reason
    assert not ExperimentOutcome(1).met


def test_convergence_in_the_last_experiment_beats_the_budget():
    assert judge([outcome(8, 0, "met")], Spent(8), BUDGET, STOPPING).status is Next.CONVERGED


@pytest.mark.parametrize(
    ("spent", "says"),
    [
        (Spent(8), "8 of 8 experiments"),
        (Spent(2, lab_hours=100.5), "100.5 of 100 h on the lab's clock"),
        (Spent(2, fields=50), "50 of 50 fields"),
    ],
)
def test_whichever_limit_comes_first_spends_the_budget(spent, says):
    judgement = judge([outcome(1, 4), outcome(2, 2, "met", "missed")], spent, BUDGET, STOPPING)
    assert judgement.status is Next.BUDGET_SPENT
    assert says in judgement.reason
    assert "Experiment 2 came closest and misses x1" in judgement.reason


def test_limits_that_are_not_set_are_not_reached():
    assert judge([], Spent(real_hours=1e9), BUDGET, STOPPING).status is Next.CONTINUE


@pytest.mark.parametrize(
    ("distances", "status"),
    [
        ([5, 5, 5], Next.CONTINUE),
        ([5, 6, 7, 5], Next.STALLED),
        ([5, 6, 7, 4.6], Next.STALLED),
        ([5, 6, 7, 4.4], Next.CONTINUE),
        ([9, 5, 6, 7], Next.CONTINUE),
        ([9, 5, 6, 7, 8], Next.STALLED),
    ],
)
def test_no_progress_over_a_window_is_a_stall(distances, status):
    outcomes = [outcome(index, distance) for index, distance in enumerate(distances, 1)]
    assert judge(outcomes, Spent(len(outcomes)), BUDGET, STOPPING).status is status


def test_failed_experiments_are_no_measure_of_progress():
    outcomes = [outcome(1, 5), outcome(2, 6), outcome(3, 7), ExperimentOutcome(4), ExperimentOutcome(5)]
    assert judge(outcomes, Spent(5), BUDGET, STOPPING).status is Next.CONTINUE
    assert ExperimentOutcome(4).distance == math.inf


def test_ends_are_statuses_of_a_campaign():
    assert {str(end) for end in Next} - {"continue"} <= {str(status) for status in FINAL_STATUSES}


def test_every_fourth_is_held_out_and_learning_is_due_in_turn():
    assert [n for n in range(1, 13) if held_out(n, 4)] == [4, 8, 12]
    assert [n for n in range(7) if fine_tune_due(n, 2)] == [2, 4, 6]
    for wrong in ((0, 4), (1, 1)):
        with pytest.raises(ValueError, match="Expected"):
            held_out(*wrong)
    with pytest.raises(ValueError, match="Expected"):
        fine_tune_due(1, 0)
