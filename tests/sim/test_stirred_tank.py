"""Balances of the tank: what is fed is dissolved, solid or overflowed; the pH is paid for in NaOH."""

from dataclasses import replace

import numpy as np
import pytest

from sim.balances import AMMONIA, DEFECT, S_MN, S_NI
from sim.dataset import design
from sim.feed import NAOH_STOCK_M, REFERENCE, RESIDENCE_MIN, Feed
from sim.kinetics import KineticConstants
from sim.stirred_tank import Course, run

pytestmark = pytest.mark.slow

TIMES = np.array([30.0, 60.0, 120.0, 240.0, 480.0, 720.0])


@pytest.fixture(scope="module")
def course() -> Course:
    return run({**REFERENCE, "time_min": 720.0}, KineticConstants(), TIMES)


def test_metal_is_conserved_over_the_design_and_beyond_it() -> None:
    extremes: list[dict[str, float | str]] = [
        {"pH": 9.8, "naoh_factor": 0.25, "nh4oh_factor": 0.29, "total_metal_M": 0.5},
        {"pH": 7.0, "naoh_factor": 0.14, "nh4oh_factor": 0.6},
        {"pH": 12.5, "naoh_factor": 0.5, "nh4oh_factor": 0.0, "temperature_C": 20.0},
        {"pH": 10.4, "naoh_factor": 0.0, "nh4oh_factor": 0.0, "stirring_rpm": 0.0},
    ]
    for row in [*design(8, seed=2), *extremes]:
        made = run({**row, "time_min": 720.0}, KineticConstants(), TIMES)
        worst = max(abs(made.imbalance(m, i)) for m in ("Ni", "Mn") for i in range(len(TIMES)))
        assert worst < 1e-6, row
        assert (made.y[S_NI] >= 0.0).all()
        assert (made.y[S_MN] > 0.0).all()


def test_the_tank_fills_with_solid_as_a_stirred_tank_does(course: Course) -> None:
    # Nearly all metal is solid, so its concentration is f·τ·(1 − exp(−t/τ)), plus what filling left.
    feed = course.feed
    filled = feed.metal * np.exp(-TIMES / feed.residence_min)
    expected = feed.metal * feed.residence_min * -np.expm1(-TIMES / feed.residence_min) + filled
    assert course.y[S_NI] + course.y[S_MN] == pytest.approx(expected, rel=0.02)


def test_the_liquor_keeps_more_nickel_than_manganese(course: Course) -> None:
    # The ammines hold nickel in solution; manganese hydroxide is left more supersaturated in relation.
    assert 1e-5 < course.dissolved()[-1] < 5e-3
    solid_ratio = course.y[S_NI, -1] / course.y[S_MN, -1]
    assert solid_ratio < 0.33 / 0.67


def test_supersaturation_falls_as_surface_builds_up_and_stays_above_one(course: Course) -> None:
    s = [course.supersaturation(i) for i in range(3)]
    assert s == sorted(s, reverse=True)
    assert all(course.supersaturation(i) > 1.0 for i in range(len(TIMES)))


def test_the_controller_needs_about_the_nominal_share_of_base(course: Course) -> None:
    # At a steady state, sodium leaves as fast as it enters.
    share = course.sodium() / NAOH_STOCK_M * RESIDENCE_MIN / course.feed.residence_min
    assert share == pytest.approx(0.14, rel=0.03)
    assert course.y[AMMONIA] == pytest.approx(course.feed.ammonia)


def test_the_plume_is_less_supersaturated_with_ammonia_and_better_stirring() -> None:
    reference = Feed.of(REFERENCE).plume_supersaturation()
    assert Feed.of({**REFERENCE, "nh4oh_factor": 0.29}).plume_supersaturation() < reference
    assert Feed.of({**REFERENCE, "stirring_rpm": 1400.0}).plume_supersaturation() < reference
    assert Feed.of({**REFERENCE, "pH": 11.0}).plume_supersaturation() > reference


def test_stirring_breaks_agglomerates() -> None:
    slow, fast = (
        run({**REFERENCE, "time_min": 480.0, "stirring_rpm": rpm}, KineticConstants()).population()
        for rpm in (700.0, 1400.0)
    )
    assert fast.median_um < 0.95 * slow.median_um


def test_without_ripening_outlines_stay_rougher_and_primaries_narrower() -> None:
    constants = KineticConstants()
    still = {"rounding_per_min": 1e-9, "primary_ripening_per_min": 1e-9}
    with_it = run({**REFERENCE, "time_min": 720.0}, constants)
    without = run({**REFERENCE, "time_min": 720.0}, replace(constants, **still))
    assert without.y[DEFECT, -1] > 1.1 * with_it.y[DEFECT, -1]
    assert without.width_um() < 0.98 * with_it.width_um()
