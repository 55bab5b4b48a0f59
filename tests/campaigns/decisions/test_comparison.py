import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.decisions import Outcome, accepted_band, discrepancy, distance, verdict, verdicts
from models.values import Interval, Target

D50 = Target("d50_um", "value", 8.0, 8.0, 1.0, 0.4, 0.4)
SD = Target("sphericity_sd", "at_most", -math.inf, 0.06, 2.0, 0.01, 0.003)
ROUND = Target("sphericity_mean", "at_least", 0.9, math.inf, 1.0, 0.045, 0.045)


def interval(value: float, half: float, fields: int = 4) -> Interval:
    return Interval(value, value - half, value + half, 0.95, fields, 0)


@pytest.mark.parametrize(
    ("target", "value", "half", "again", "at_the_end"),
    [
        (D50, 8.1, 0.2, "met", "met"),
        (D50, 8.0, 0.4, "met", "met"),
        (D50, 8.3, 0.2, "undecided", "missed"),
        (D50, 8.5, 0.2, "undecided", "missed"),
        (D50, 9.0, 0.2, "missed", "missed"),
        (D50, 7.0, 0.2, "missed", "missed"),
        (D50, 8.0, 2.0, "undecided", "missed"),
        (SD, 0.01, 0.05, "met", "met"),
        (SD, 0.062, 0.001, "met", "met"),
        (SD, 0.062, 0.002, "undecided", "missed"),
        (SD, 0.08, 0.01, "missed", "missed"),
        (ROUND, 0.99, 0.1, "met", "met"),
        (ROUND, 0.9, 0.05, "undecided", "missed"),
        (D50, math.nan, 0.1, "undecided", "missed"),
        (D50, 8.0, math.inf, "undecided", "missed"),
    ],
)
def test_the_whole_interval_decides(target, value, half, again, at_the_end):
    assert verdict(target, interval(value, half), may_look_again=True).outcome == again
    final = verdict(target, interval(value, half), may_look_again=False)
    assert final.outcome == at_the_end
    assert target.descriptor in final.reason


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, 20), st.floats(0, 5), st.floats(0, 5), st.booleans())
def test_met_exactly_if_no_part_of_the_interval_sticks_out(value, below, above, again):
    measured = Interval(value, value - below, value + above, 0.95, 5, 0)
    low, high = accepted_band(D50)
    inside = low <= measured.low and measured.high <= high
    assert (verdict(D50, measured, may_look_again=again).outcome is Outcome.MET) == inside


def test_an_undecided_one_says_how_many_fields_it_takes():
    found = verdict(D50, interval(8.2, 0.3, fields=4), may_look_again=True)
    assert 5 <= found.fields_to_tell <= 12
    assert verdict(D50, interval(8.4, 0.3), may_look_again=True).fields_to_tell == 0


def test_what_stays_open_says_how_many_fields_would_tell():
    final = verdict(D50, interval(8.2, 0.3), may_look_again=False)
    wanted = verdict(D50, interval(8.2, 0.3), may_look_again=True).fields_to_tell
    assert f"about {wanted} would tell" in final.reason
    for surely in (interval(9.0, 0.1), interval(8.0, 0.1)):
        assert "would tell" not in verdict(D50, surely, may_look_again=False).reason


def test_a_descriptor_that_was_not_measured_is_not_met():
    assert [
        one.outcome for one in verdicts((D50, SD), {"d50_um": interval(8, 0.1)}, may_look_again=False)
    ] == [
        Outcome.MET,
        Outcome.MISSED,
    ]


def test_discrepancies_are_relative_and_signed():
    assert discrepancy(D50, 8.4) == pytest.approx(0.05)
    assert discrepancy(D50, 7.6) == pytest.approx(-0.05)
    assert discrepancy(SD, 0.05) == 0
    assert discrepancy(SD, 0.09) == pytest.approx(0.5)
    assert discrepancy(ROUND, 0.81) == pytest.approx(-0.1)
    assert math.isnan(discrepancy(D50, math.nan))
    zero = Target("x", "value", 0.0, 0.0, 1.0, 2.0, 0.1)
    assert discrepancy(zero, 1.0) == pytest.approx(0.5)


def test_the_distance_counts_weights_and_scales():
    assert distance((D50, SD), {"d50_um": 8.8, "sphericity_sd": 0.07}) == pytest.approx(4 + 2)
    assert distance((D50, SD), {"d50_um": 8.0, "sphericity_sd": 0.05}) == 0
    assert distance((D50, SD), {"d50_um": 8.0}) == math.inf
    assert distance((D50,), {"d50_um": math.nan}) == math.inf
