"""The trends that the plant must show, one test a row of Choi et al. (methods, section 2)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.lmr import LMRPlant
from sim.precipitation import KineticConstants, PowderState, precipitate

BASE: dict[str, float | str] = {
    "pH": 10.4,
    "naoh_factor": 0.14,
    "nh4oh_factor": 0.16,
    "time_min": 480.0,
    "atmosphere": "N2",
}


def state(**changes: float | str) -> PowderState:
    return precipitate({**BASE, **changes}, KineticConstants())


def test_diameter_falls_with_ph_and_ammonia() -> None:
    assert state(pH=11.0).diameter_um < state().diameter_um < state(pH=9.8).diameter_um
    assert state(nh4oh_factor=0.29).diameter_um < state().diameter_um < state(nh4oh_factor=0.09).diameter_um


def test_sphericity_rises_and_its_spread_falls_with_time() -> None:
    times = np.arange(30, 730, 10)
    states = [state(time_min=float(t)) for t in times]
    assert (np.diff([s.defect_mean for s in states]) < 0).all()
    assert (np.diff([s.defect_sd for s in states]) < 0).all()


def test_most_of_the_change_falls_in_the_first_two_hours() -> None:
    start, early, late = (state(time_min=t).diameter_um for t in (1.0, 120.0, 720.0))
    assert (early - start) / (late - start) > 0.7
    assert late > early


def test_naoh_rounds_and_low_ph_or_oxygen_does_not() -> None:
    assert state(naoh_factor=0.25).defect_mean < state().defect_mean
    assert state(pH=9.8).defect_mean > state().defect_mean
    assert state(atmosphere="O2").defect_mean > state().defect_mean


def test_primaries_thicken_from_fine_needles_to_plates() -> None:
    fine = state(pH=10.0, naoh_factor=0.25, nh4oh_factor=0.09)
    coarse = state(pH=11.0, naoh_factor=0.08, nh4oh_factor=0.29)
    assert fine.primary_width_um < 0.07
    assert coarse.primary_width_um > 0.2
    assert state(atmosphere="O2").primary_width_um > 1.8 * state().primary_width_um
    assert fine.primary_aspect > coarse.primary_aspect


@given(
    ph=st.floats(9.8, 11.0),
    naoh=st.floats(0.08, 0.25),
    nh4oh=st.floats(0.09, 0.29),
    time=st.floats(30, 720),
    oxygen=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_no_condition_leaves_the_physical_range(
    ph: float, naoh: float, nh4oh: float, time: float, oxygen: bool, seed: int
) -> None:
    conditions = {"pH": ph, "naoh_factor": naoh, "nh4oh_factor": nh4oh, "time_min": time}
    made = precipitate(
        {**conditions, "atmosphere": "O2" if oxygen else "N2"}, KineticConstants().perturbed(seed, 0.08)
    )
    assert 1.0 < made.diameter_um < 30.0
    assert 0.0 < made.defect_sd < made.defect_mean <= 0.45
    assert 0.02 < made.primary_width_um <= 0.6


def test_a_hidden_plant_is_not_the_one_that_trained_the_weights() -> None:
    reference = LMRPlant(0, hidden=False)
    hidden = [LMRPlant(seed) for seed in range(20)]
    assert reference.probe_offset == 0.0
    ratios = [
        p.synthesise(BASE, batch=0).state.diameter_um / reference.synthesise(BASE, batch=0).state.diameter_um
        for p in hidden
    ]
    assert np.std(ratios) == pytest.approx(0.09, abs=0.05)
    assert len(set(ratios)) == 20


def test_batches_scatter_and_repeat_for_the_same_seed() -> None:
    first, again = LMRPlant(5), LMRPlant(5)
    assert first.synthesise(BASE, batch=3) == again.synthesise(BASE, batch=3)
    diameters = [first.synthesise(BASE, batch=b).state.diameter_um for b in range(40)]
    assert 0.005 < np.std(diameters) / np.mean(diameters) < 0.025
