from datetime import UTC, datetime

import pytest

from dashboard.parts.markup import badge, setting, since, table, tag, with_interval
from dashboard.parts.pictures import length_text, nice_length

pytestmark = pytest.mark.slow


def test_what_is_not_markup_is_escaped_wherever_it_stands():
    evil = '<script>"&'
    assert str(tag("p", evil, title=evil)) == (
        '<p title="&lt;script&gt;&#34;&amp;">&lt;script&gt;&#34;&amp;</p>'
    )
    assert "<script>" not in table(["a", evil], [[evil, 1]])


def test_attributes_that_are_off_are_left_out():
    assert str(tag("input", type="text", required=True, autofocus=False, value=None)) == (
        '<input type="text" required>'
    )


def test_a_state_is_told_by_sign_and_word_not_by_colour_alone():
    assert "✕" in badge("failed")
    assert "budget spent" in badge("budget_spent")


def test_numbers_are_told_with_interval_and_unit():
    assert "0.451 " in with_interval(0.4512, 0.44, 0.46)
    assert "[0.44, 0.46]" in with_interval(0.4512, 0.44, 0.46)
    assert str(with_interval(None, None, None)) == "–"
    assert setting(10.05) == "10.05"
    assert setting(190.0, "min") == "190 min"


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s ago"), (600, "10 min ago"), (7200, "2 h ago"), (-60, "in 60 s")]
)
def test_spans_are_told_in_their_unit(seconds, text):
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    then = datetime.fromtimestamp(now.timestamp() - seconds, UTC)
    assert since(then.isoformat(), now) == text


@pytest.mark.parametrize("width", [0.7, 3.39, 31.75, 42.3, 127.0, 900.0])
def test_a_scale_bar_is_round_and_about_a_fifth(width):
    length = nice_length(width)
    assert width / 12 < length <= width / 4
    assert f"{length:.0e}"[0] in "125"


def test_lengths_below_half_a_micrometre_are_told_in_nm():
    assert length_text(5) == "5 µm"
    assert length_text(0.2) == "200 nm"
