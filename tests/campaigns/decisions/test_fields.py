import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, t

from campaigns.decisions import Outcome, fields_for_half_width, fields_wanted, is_narrow
from campaigns.decisions.fields import Decision
from campaigns.decisions.intervals import at_limit_of_spread
from models.values import Interval, Target

D50 = Target("d50_um", "value", 8.0, 8.0, 1.0, 0.4, 0.4)
SD = Target("sphericity_sd", "at_most", -math.inf, 0.06, 1.0, 0.01, 0.003)


def interval(value: float, half: float, fields: int = 4) -> Interval:
    return Interval(value, value - half, value + half, 0.95, fields, 0)


def wanted(have=4, missed_elsewhere=False, before=None, most=12, **intervals):
    return fields_wanted(
        (D50, SD),
        intervals,
        have=have,
        least=4,
        most=most,
        target_error=0.05,
        before=before,
        missed_elsewhere=missed_elsewhere,
    )


def test_the_least_number_comes_first():
    assert wanted(have=0).more == 4
    assert wanted(have=3, d50_um=interval(8, 0.1), sphericity_sd=interval(0.03, 0.001)).more == 1


def test_told_apart_is_enough_even_where_an_interval_is_wide():
    found = wanted(d50_um=interval(8, 0.1), sphericity_sd=interval(0.03, 0.015))
    assert (found.more, found.representative) == (0, True)
    assert found.decision is Decision.ACCEPT
    assert all(one.outcome is Outcome.MET for one in found.verdicts)


def test_what_is_told_without_room_to_spare_takes_a_second_look():
    close = {"d50_um": interval(8.1, 0.25), "sphericity_sd": interval(0.03, 0.001)}
    first = wanted(**close)
    assert (first.more, first.decision) == (1, Decision.MORE)
    assert wanted(have=5, before=close, **close).more == 0
    undecided_before = close | {"d50_um": interval(8.1, 0.35)}
    assert wanted(have=5, before=undecided_before, **close).more == 1
    # The last look allowed decides by itself.
    last = wanted(have=5, before=undecided_before, most=5, **close)
    assert (last.decision, last.verdicts[0].outcome) == (Decision.ACCEPT, Outcome.MET)


def test_an_undecided_target_asks_for_more_up_to_the_most():
    close = {"d50_um": interval(8.2, 0.3), "sphericity_sd": interval(0.03, 0.001)}
    found = wanted(**close)
    assert 1 <= found.more <= 8
    assert found.verdicts[0].outcome is Outcome.UNDECIDED
    at_the_edge = wanted(have=11, d50_um=interval(8.39, 0.3), sphericity_sd=interval(0.03, 0.001))
    assert at_the_edge.more == 1
    last = wanted(have=12, **close)
    assert (last.more, last.representative) == (0, True)
    assert last.verdicts[0].outcome is Outcome.MISSED
    wide = wanted(have=12, d50_um=interval(8.2, 0.5), sphericity_sd=interval(0.03, 0.001))
    assert (wide.more, wide.representative) == (0, False)


def test_after_a_sure_miss_only_narrow_intervals_are_worth_fields():
    missed = interval(0.09, 0.001)
    narrow = wanted(d50_um=interval(8.2, 0.21), sphericity_sd=missed)
    assert (narrow.more, narrow.representative) == (0, True)
    wide = wanted(d50_um=interval(8.2, 0.6), sphericity_sd=missed)
    assert wide.more >= 1
    assert not wide.representative
    elsewhere = {"d50_um": interval(8.2, 0.21), "sphericity_sd": interval(0.03, 0.001)}
    assert wanted(missed_elsewhere=True, **elsewhere).more == 0
    assert wanted(missed_elsewhere=False, **elsewhere).more >= 1


def test_narrow_without_room_to_spare_takes_a_second_look():
    almost = {"d50_um": interval(8.2, 0.4), "sphericity_sd": interval(0.09, 0.001)}
    assert wanted(**almost).more == 1
    assert wanted(have=5, before=almost, **almost).more == 0


def test_a_precision_out_of_reach_ends_it_and_is_told():
    hopeless = {"d50_um": interval(8.2, 4.0), "sphericity_sd": interval(0.09, 0.001)}
    found = wanted(**hopeless)
    assert (found.more, found.decision) == (0, Decision.REJECT)
    assert "more than the 12 fields allowed" in found.reason
    assert wanted(**hopeless, most=1000).decision is Decision.MORE
    # A value may still move away from the edge of its band, so this goes on, and says what it may take.
    near = wanted(d50_um=interval(8.35, 0.5), sphericity_sd=interval(0.03, 0.001))
    assert near.decision is Decision.MORE
    assert "more than the 12 allowed" in near.reason


def test_the_spread_of_few_fields_is_rough():
    few, many = (at_limit_of_spread(interval(8, 1, fields), 0.8) for fields in (4, 30))
    assert few.high - 8 == pytest.approx(math.sqrt(3 / chi2.ppf(0.2, 3)))
    assert 1 < many.high - 8 < few.high - 8
    assert at_limit_of_spread(interval(8, 1), 0.1).high < 9


def test_a_descriptor_without_interval_asks_for_more():
    found = wanted(
        d50_um=Interval(math.nan, math.nan, math.nan, 0.95, 4, 0), sphericity_sd=interval(0.03, 0.001)
    )
    assert found.more >= 1
    assert not found.representative


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 14), st.floats(6, 10), st.floats(0.001, 3), st.booleans())
def test_never_more_than_the_most(have, value, half, elsewhere):
    measured = {"d50_um": interval(value, half, max(have, 2)), "sphericity_sd": interval(0.03, 0.001)}
    found = wanted(have=have, missed_elsewhere=elsewhere, **measured)
    assert found.more >= 0
    assert have + found.more <= max(12, have)
    if found.more == 0:
        assert all(one.outcome is not Outcome.UNDECIDED for one in found.verdicts)
        assert have >= 4


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 30), st.floats(0.01, 10), st.floats(0.01, 10), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_number_of_fields_is_the_smallest_that_is_enough(have, half, goal, confidence):
    count = fields_for_half_width(have, half, goal, confidence)
    level = (1 + confidence) / 2

    def predicted(k: int) -> float:
        return half * math.sqrt(have / k) * t.ppf(level, k - 1) / t.ppf(level, have - 1)

    if count == 0:
        assert predicted(9_999) > goal
    elif count > have:
        assert predicted(count) <= goal < predicted(count - 1)
    else:
        assert half <= goal


def test_the_published_examples_of_fields_needed():
    # Spread over wanted half width 0.5, 1, 2, 3 need 4, 7, 18, 38 fields at 95 %.
    for ratio, fields in ((0.5, 4), (1, 7), (2, 18), (3, 38)):
        half = ratio * t.ppf(0.975, 1) / math.sqrt(2)
        assert fields_for_half_width(2, half, 1.0, 0.95) == pytest.approx(fields, abs=1)


def test_narrow_is_relative_to_the_value():
    assert is_narrow(interval(8, 0.4), 0.05)
    assert not is_narrow(interval(8, 0.41), 0.05)
    assert not is_narrow(None, 0.05)


def test_looking_again_and_again_hardly_ever_calls_a_miss_met():
    # The truth lies on the edge of the accepted band; one look at a 95 % interval would err in 2.5 %.
    random, met, trials = np.random.default_rng(0), 0, 60
    for _ in range(trials):
        seen = list(random.normal(8.4, 0.3, 4))
        before = None
        while True:
            half = t.ppf(0.975, len(seen) - 1) * np.std(seen, ddof=1) / math.sqrt(len(seen))
            measured = {"d50_um": interval(float(np.mean(seen)), float(half), len(seen))}
            found = fields_wanted(
                (D50,), measured, have=len(seen), least=4, most=12, target_error=0.05, before=before
            )
            if not found.more:
                break
            before = measured
            seen += list(random.normal(8.4, 0.3, found.more))
        met += found.verdicts[0].outcome is Outcome.MET
    assert met / trials <= 0.1
