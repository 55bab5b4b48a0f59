"""Equilibria against their limits, their balances and hand-worked values."""

from math import log, log10

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.speciation import METALS, constants_at, dissolved_at_saturation, ph_of, speciate


@given(
    ph=st.floats(2.0, 13.0),
    nickel=st.floats(0.0, 1.0),
    manganese=st.floats(0.0, 1.0),
    ammonia=st.floats(0.0, 5.0),
    temperature=st.floats(20.0, 70.0),
)
@settings(max_examples=200, deadline=None)
def test_masses_balance_at_any_composition(
    ph: float, nickel: float, manganese: float, ammonia: float, temperature: float
) -> None:
    s = speciate(pH=ph, nickel=nickel, manganese=manganese, ammonia=ammonia, temperature_C=temperature)
    for metal, total in (("Ni", nickel), ("Mn", manganese)):
        found = s.free[metal] + sum(s.ammines[metal]) + sum(s.hydroxos[metal])
        assert found == pytest.approx(total, rel=1e-9, abs=1e-15)
    bound = sum(n * c for m in METALS for n, c in enumerate(s.ammines[m], 1))
    assert s.ammonia + s.ammonium + bound == pytest.approx(ammonia, rel=1e-9, abs=1e-15)
    k = constants_at(temperature)
    assert s.hydrogen * s.hydroxide == pytest.approx(k.ion_product_of_water, rel=1e-9)


def test_half_of_ammonia_is_protonated_at_its_pka() -> None:
    for temperature, pka in ((25.0, 9.245), (50.0, 8.54)):
        exact = -log10(constants_at(temperature).acidity_of_ammonium)
        assert exact == pytest.approx(pka, abs=0.01)
        s = speciate(pH=exact, nickel=0.0, manganese=0.0, ammonia=1.0, temperature_C=temperature)
        assert s.ammonia == pytest.approx(0.5, rel=1e-9)


def test_water_at_50_degrees() -> None:
    # CRC Handbook: pKw 13.26 at 50 °C.
    assert -log10(constants_at(50.0).ion_product_of_water) == pytest.approx(13.26, abs=0.03)


def test_without_ammonia_a_dilute_acid_solution_holds_free_metal() -> None:
    s = speciate(pH=5.0, nickel=1e-3, manganese=1e-3, ammonia=0.0)
    assert s.ammonia == s.ammonium == 0.0
    assert s.free["Ni"] == pytest.approx(1e-3, rel=1e-3)
    assert s.free["Mn"] == pytest.approx(1e-3, rel=1e-3)


def test_in_much_ammonia_nickel_is_the_hexammine_and_manganese_is_not() -> None:
    s = speciate(pH=10.0, nickel=1e-4, manganese=1e-4, ammonia=5.0)
    assert s.ammines["Ni"][5] / 1e-4 > 0.8
    assert s.complexed("Ni") > 1e4 * s.complexed("Mn")
    # At most 1/(β6 x⁶) of it is free.
    assert s.free["Ni"] < 1e-4 / (10**9.08 * s.ammonia**6)


def test_free_nickel_falls_with_ammonia_and_with_ph() -> None:
    by_ammonia = [
        speciate(pH=10.0, nickel=1e-3, manganese=0.0, ammonia=a).free["Ni"] for a in (0.0, 0.1, 0.3, 1.0)
    ]
    by_ph = [
        speciate(pH=p, nickel=1e-3, manganese=0.0, ammonia=0.3).free["Ni"] for p in (8.0, 9.0, 10.0, 11.0)
    ]
    assert by_ammonia == sorted(by_ammonia, reverse=True)
    assert by_ph == sorted(by_ph, reverse=True)


@given(
    ph=st.floats(3.0, 12.5),
    nickel=st.floats(0.0, 0.5),
    manganese=st.floats(0.0, 0.5),
    ammonia=st.floats(0.0, 2.0),
)
@settings(max_examples=60, deadline=None)
def test_charge_balances_at_the_ph_that_closes_it(
    ph: float, nickel: float, manganese: float, ammonia: float
) -> None:
    known = speciate(pH=ph, nickel=nickel, manganese=manganese, ammonia=ammonia, temperature_C=50.0)
    strong = -known.charge
    found = ph_of(
        strong_cations=strong, nickel=nickel, manganese=manganese, ammonia=ammonia, temperature_C=50.0
    )
    closed = speciate(pH=found, nickel=nickel, manganese=manganese, ammonia=ammonia, temperature_C=50.0)
    assert closed.charge + strong == pytest.approx(0.0, abs=1e-9)


def test_saturation_is_reached_at_the_dissolved_metal_that_it_gives() -> None:
    k = constants_at(50.0)
    liquor = speciate(pH=10.4, nickel=0.0, manganese=0.0, ammonia=0.5, temperature_C=50.0)
    for metal in METALS:
        dissolved = dissolved_at_saturation(
            metal, 1.0, pH=10.4, free_ammonia=liquor.ammonia, temperature_C=50.0
        )
        free = k.solubility_products[metal] / liquor.hydroxide**2
        bound = free * sum(n * beta * liquor.ammonia**n for n, beta in enumerate(k.ammines[metal], 1))
        saturated = speciate(
            pH=10.4,
            nickel=dissolved if metal == "Ni" else 0.0,
            manganese=dissolved if metal == "Mn" else 0.0,
            ammonia=0.5 + bound,
            temperature_C=50.0,
        )
        assert saturated.saturation[metal] == pytest.approx(1.0, rel=1e-9)


def test_constants_agree_with_what_compilations_have_at_no_ionic_strength() -> None:
    # PHREEQC's minteq.v4.dat (NIST 46): dissolution of the hydroxides by acid, hydrolysis, ammonium, water.
    k = constants_at(25.0)
    pkw = -log10(k.ion_product_of_water)
    assert pkw == pytest.approx(13.997, abs=0.01)
    assert -log10(k.acidity_of_ammonium) == pytest.approx(9.244, abs=0.01)
    for metal, by_acid, hydrolysis in (
        ("Ni", 12.794, {1: -9.897, 2: -18.994, 3: -29.991}),
        ("Mn", 15.194, {1: -10.597, 3: -34.8, 4: -48.288}),
    ):
        assert log10(k.solubility_products[metal]) + 2.0 * pkw == pytest.approx(by_acid, abs=0.02)
        for n, log_k in hydrolysis.items():
            assert log10(k.hydroxos[metal][n - 1]) - n * pkw == pytest.approx(log_k, abs=0.04)


def test_enthalpies_agree_with_what_compilations_have() -> None:
    # minteq.v4.dat: ΔH of dissolution by acid −95.96 (Ni) and −97.01 kJ/mol (Mn), of water 55.81; llnl.dat:
    # of six ammonia to nickel −88.04.
    cold, warm = constants_at(25.0), constants_at(50.0)
    inverse = (1.0 / 298.15 - 1.0 / 323.15) / 8.314462618e-3

    def enthalpy(before: float, after: float) -> float:
        return log(after / before) / inverse

    water = enthalpy(cold.ion_product_of_water, warm.ion_product_of_water)
    assert water == pytest.approx(55.81, abs=0.1)
    for metal, by_acid in (("Ni", -95.96), ("Mn", -97.01)):
        of = enthalpy(cold.solubility_products[metal], warm.solubility_products[metal])
        assert of - 2.0 * water == pytest.approx(by_acid, abs=0.2)
    assert enthalpy(cold.ammines["Ni"][5], warm.ammines["Ni"][5]) == pytest.approx(-88.04, abs=0.5)


def test_hydroxides_dissolve_in_ammonia() -> None:
    little, much = (
        dissolved_at_saturation("Ni", 0.33, pH=10.4, free_ammonia=a, temperature_C=50.0) for a in (0.0, 0.5)
    )
    assert much > 500.0 * little
