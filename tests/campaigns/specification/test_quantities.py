import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from campaigns.specification.quantities import check_unit, in_unit, percentage


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (8, "min", 8.0),
        ("8 h", "min", 480.0),
        ("0.5h", "min", 30.0),
        ("1e-3", "M", 1e-3),
        ("8 µm", "µm", 8.0),
        ("8000 nm", "µm", 8.0),
        ("2 mol/L", "M", 2.0),
        ("323.15 K", "°C", 50.0),
        ("122 degF", "°C", 50.0),
        ("1 Hz", "rpm", 60.0),
        ("18 wt%", "%", 18.0),
        ("0.18", "–", 0.18),
        ("5 %", "", 0.05),
    ],
)
def test_quantities_convert_to_the_declared_unit(value, unit, expected):
    assert in_unit(value, unit) == pytest.approx(expected)


def test_a_difference_of_temperatures_has_no_offset():
    assert in_unit("5 K", "°C", difference=True) == pytest.approx(5)
    assert in_unit("9 degF", "°C", difference=True) == pytest.approx(5)


@pytest.mark.parametrize(
    "value", ["8 µm", "8 furlongs", "8 m**9**9**9", "eight", "", "8,5", True, None, [8], "nan"]
)
def test_what_is_no_time_is_refused(value):
    with pytest.raises(PydanticCustomError, match="expected"):
        in_unit(value, "min")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1e999", 10**400])
def test_numbers_have_to_be_finite(value):
    with pytest.raises(PydanticCustomError, match="expected"):
        in_unit(value, "")


def test_a_wrong_dimension_names_both_units():
    with pytest.raises(PydanticCustomError, match="a time in min, got '8 µm', which is a length in µm"):
        in_unit("8 µm", "min")


@pytest.mark.parametrize("unit", ["min", "°C", "µm", "mol/L", "%", "wt%", "rpm", "1/s", "m^2", "–", ""])
def test_units_of_the_field_are_known(unit):
    assert check_unit(unit) == (unit or "–")


@pytest.mark.parametrize("unit", ["blorp", "min min min min min min min", "__import__", "8"])
def test_other_words_are_no_units(unit):
    with pytest.raises(PydanticCustomError, match="a unit such as"):
        check_unit(unit)


@settings(max_examples=40, deadline=None)
@given(st.floats(-1e6, 1e6), st.sampled_from([("h", "min"), ("µm", "nm"), ("mL/min", "L/h"), ("K", "°C")]))
def test_conversion_there_and_back_keeps_the_number(number, units):
    there, back = units
    converted = in_unit(f"{number!r} {there}", back)
    assert in_unit(f"{converted!r} {back}", there) == pytest.approx(number, abs=1e-6)


def test_percentages_are_told_from_numbers():
    assert percentage("5 %") == 0.05
    assert percentage("5") is None
    assert percentage(5) is None
