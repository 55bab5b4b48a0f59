"""Rates of the population balance against limits, closed forms and direct simulation of many particles."""

import numpy as np
import pytest

from sim.population_balance import Population, agglomeration, breakage, growth_spread, uptake

WIDE = Population(number=1e-4, median_um=5.0, log_sd=0.2)
NARROW = Population(number=1e-4, median_um=5.0, log_sd=0.01)


def test_moments_give_back_the_distribution() -> None:
    again = Population.from_moments(WIDE.number, WIDE.moment(3), 9.0 * WIDE.log_sd**2)
    assert again.median_um == pytest.approx(WIDE.median_um)
    assert again.log_sd == pytest.approx(WIDE.log_sd)
    spread = np.log(WIDE.moment(0) * WIDE.moment(6) / WIDE.moment(3) ** 2)
    assert spread == pytest.approx(9.0 * WIDE.log_sd**2)


def test_equal_spheres_collide_at_the_rate_of_smoluchowski() -> None:
    loss, spread = agglomeration(NARROW, shear_per_min=600.0, efficiency=0.1, holding_um=1e6, order=4.0)
    # ½·β·N with β = 4/3·γ·L³.
    assert loss == pytest.approx(0.5 * 4.0 / 3.0 * 600.0 * 125.0 * 0.1 * 1e-4, rel=0.01)
    # Two equal ones become one of twice the volume: number −1, ΣV² +2.
    assert spread == pytest.approx(loss, rel=0.02)


def test_shear_parts_what_is_larger_than_it_can_hold() -> None:
    held = [
        agglomeration(NARROW, shear_per_min=600.0, efficiency=0.1, holding_um=h, order=8.0)[0]
        for h in (2.5, 5.0, 10.0)
    ]
    assert held[0] < 0.01 * held[1]
    assert held[2] == pytest.approx(2.0 * held[1], rel=0.02)


def test_agglomeration_changes_moments_as_collisions_of_drawn_particles_do() -> None:
    rng = np.random.default_rng(4)
    a, b = (WIDE.median_um * np.exp(WIDE.log_sd * rng.standard_normal(400_000)) for _ in range(2))
    kernel = 600.0 / 6.0 * (a + b) ** 3 * 0.1 / (1.0 + (0.5 * (a + b) / 6.0) ** 4)
    loss = 0.5 * WIDE.number * kernel.mean()
    sixth = WIDE.number * (kernel * a**3 * b**3).mean() / np.mean(a**6)
    got = agglomeration(WIDE, shear_per_min=600.0, efficiency=0.1, holding_um=6.0, order=4.0)
    assert got[0] == pytest.approx(loss, rel=0.02)
    assert got[1] == pytest.approx(sixth - loss, rel=0.05)


def test_breakage_changes_moments_as_halving_of_drawn_particles_does() -> None:
    rng = np.random.default_rng(5)
    size = WIDE.median_um * np.exp(WIDE.log_sd * rng.standard_normal(2_000_000))
    rate = 0.02 * (size / 6.0) ** 4
    gain = rate.mean()
    sixth = -0.5 * (rate * size**6).mean() / np.mean(size**6)
    got = breakage(WIDE, rate_per_min=0.02, strength_um=6.0, order=4.0)
    assert got[0] == pytest.approx(gain, rel=0.01)
    assert got[1] == pytest.approx(gain + sixth, rel=0.03, abs=1e-4)


def test_steep_breakage_narrows_a_wide_population_and_widens_a_narrow_one() -> None:
    assert breakage(WIDE, rate_per_min=0.02, strength_um=6.0, order=12.0)[1] < 0.0
    assert breakage(NARROW, rate_per_min=0.02, strength_um=6.0, order=12.0)[1] > 0.0


def test_growth_at_a_surface_narrows_as_the_moments_say() -> None:
    clearance = uptake(WIDE, diffusivity_um2_per_min=1e12, surface_um_per_min=1.0)
    assert WIDE.number * clearance.sum() == pytest.approx(np.pi * WIDE.moment(2), rel=1e-6)
    exact = 2.0 * WIDE.moment(5) * WIDE.moment(3) / (WIDE.moment(2) * WIDE.moment(6)) - 2.0
    assert growth_spread(WIDE, clearance) == pytest.approx(exact, rel=1e-3)
    assert exact < 0.0


def test_diffusion_to_a_sphere_has_a_sherwood_number_of_two() -> None:
    clearance = uptake(NARROW, diffusivity_um2_per_min=7e4, surface_um_per_min=1e12)
    assert clearance.sum() == pytest.approx(2.0 * np.pi * 7e4 * 5.0, rel=1e-3)
