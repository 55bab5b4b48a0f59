import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import UnusableInput
from models.inverse.space import UnitCube
from models.values import Constraint, Parameter, Space

PH = Parameter("pH", "", 9.8, 11.0, 0.05)
TIME = Parameter("time_min", "min", 30, 720, 10)
BASE = Parameter("naoh_factor", "", 0.08, 0.25, 0.01)
GAS = Parameter("atmosphere", "", categories=("N2", "O2", "Ar"))
SPACE = Space(
    (PH, TIME, BASE, GAS),
    (Constraint("10 * naoh_factor <= pH - 9", lambda c: 10 * float(c["naoh_factor"]) <= float(c["pH"]) - 9),),
    {"stirring_rpm": 1000.0},
)


SEARCHED = UnitCube(SPACE)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-0.5, 1.5), min_size=6, max_size=6))
def test_whatever_is_decoded_is_on_the_steps_within_the_bounds_and_feasible(point):
    conditions = SEARCHED.decode(np.array(point))
    for parameter in (PH, TIME, BASE):
        value = conditions[parameter.name]
        steps = (value - parameter.low) / parameter.step
        assert parameter.low <= value <= parameter.high
        assert steps == pytest.approx(round(steps), abs=1e-6)
    assert conditions["atmosphere"] in GAS.categories
    assert conditions["stirring_rpm"] == 1000.0
    assert 10 * conditions["naoh_factor"] <= conditions["pH"] - 9


def test_decoding_inverts_encoding():
    cube = UnitCube(SPACE)
    here = {"pH": 10.65, "time_min": 480.0, "naoh_factor": 0.13, "atmosphere": "O2", "stirring_rpm": 1000.0}
    assert cube.dimension == 6
    assert cube.decode(cube.encode(here)) == here


def test_a_wide_range_is_searched_by_ratio():
    middle = UnitCube(Space((TIME, PH))).snap(np.array([0.5, 0.5]))
    assert middle["time_min"] == 150.0  # sqrt(30 * 720) = 147
    assert middle["pH"] == 10.4


def test_decimals_stay_clean():
    assert UnitCube(Space((PH,))).snap(np.array([3 / 24]))["pH"] == 9.95


def test_samples_are_feasible_spread_and_reproducible():
    cube = UnitCube(SPACE)
    points = cube.sample(64, seed=3)
    assert points.shape == (64, 6)
    assert all(cube.feasible(cube.snap(point)) for point in points)
    assert {cube.snap(point)["atmosphere"] for point in points} == set(GAS.categories)
    assert np.array_equal(points, cube.sample(64, seed=3))
    assert not np.array_equal(points, cube.sample(64, seed=4))


def test_a_needle_in_the_grid_is_found():
    needle = Constraint("pH = 10.65 and time 480", lambda c: c["pH"] == 10.65 and c["time_min"] == 480)
    cube = UnitCube(Space((PH, TIME), (needle,)))
    assert cube.decode(np.zeros(2)) == {"pH": 10.65, "time_min": 480.0}
    assert len(cube.sample(5, seed=0)) == 5


def test_constraints_that_leave_nothing_are_named():
    cube = UnitCube(Space((PH,), (Constraint("pH > 12", lambda c: float(c["pH"]) > 12),)))
    with pytest.raises(UnusableInput, match="pH > 12"):
        cube.sample(4, seed=0)


def test_neighbours_are_one_feasible_move_away():
    cube = UnitCube(SPACE)
    here = {"pH": 9.8, "time_min": 30.0, "naoh_factor": 0.08, "atmosphere": "N2", "stirring_rpm": 1000.0}
    moves = cube.neighbours(here)
    assert len(moves) == 4  # pH up, time up, two other gases; naoh up breaks the rule
    assert all(sum(move[name] != here[name] for name in here) == 1 for move in moves)


def test_distance_counts_a_category_like_a_full_range():
    cube = UnitCube(Space((PH, GAS)))
    n2, o2 = {"pH": 9.8, "atmosphere": "N2"}, {"pH": 9.8, "atmosphere": "O2"}
    assert cube.distance(n2, n2) == 0
    assert cube.distance(n2, o2) == pytest.approx(np.sqrt(0.5))
    assert cube.distance(n2, {"pH": 11.0, "atmosphere": "O2"}) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ((Parameter("pH", "", 11, 9),), "pH has the bounds 11 to 9"),
        ((Parameter("pH", "", 10, 10),), "nothing to search"),
    ],
)
def test_unusable_spaces(parameters, fault):
    with pytest.raises(UnusableInput, match=fault):
        UnitCube(Space(parameters))


def test_missing_or_unknown_values_are_named():
    cube = UnitCube(Space((PH, GAS)))
    with pytest.raises(UnusableInput, match="lack atmosphere"):
        cube.encode({"pH": 10.0})
    with pytest.raises(UnusableInput, match="one of N2, O2, Ar"):
        cube.encode({"pH": 10.0, "atmosphere": "He"})
