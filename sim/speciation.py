"""Equilibria of Ni(II), Mn(II), ammonia and hydroxide in the mother liquor of a co-precipitation.

Concentrations in mol/L, temperatures in °C. The constants are used as concentration constants and pH is taken
for −log10[H+]: activity coefficients in 1–2 M sulphate are not modelled. What follows from that is a constant
offset of a few tenths in pH, which the fitted kinetic constants absorb.

Overall constants at 25 °C, where they are from, and what other compilations have:

=================  =====================================  ================================================
equilibrium        log10                                  source; checked against
=================  =====================================  ================================================
Ni + n NH3         2.81, 5.08, 6.85, 8.12, 8.93, 9.08     van Bommel & Dahn, Chem. Mater. 2009, 21, 1500;
                   (n = 1–6)                              the same in WetSynthRoute (Politecnico di Torino,
                                                          2021), a solver for this co-precipitation
Mn + n NH3         1.00, 1.54, 1.70, 1.30 (n = 1–4)       the same two
Ni + n H2O −n H    −9.86, −19, −30 (n = 1–3)              Baes & Mesmer, The Hydrolysis of Cations (1976);
                                                          NIST 46: −9.90, −18.99, −29.99
Mn + n H2O −n H    −10.59, −22.2, −34.8, −48.3 (n = 1–4)  the same; NIST 46: −10.60, –, −34.8, −48.29
Ni(OH)2            −15.2                                  NIST 46 (with pKw: 12.794 for dissolution by
                                                          acid); LLNL −15.24, WetSynthRoute −15.22
Mn(OH)2            −12.8                                  NIST 46 (15.194); LLNL −12.68 (amorphous),
                                                          WetSynthRoute −12.70
NH4+               pKa 9.245, ΔH 52.2 kJ/mol              Bates & Pinching, J. Res. NBS 1949, 42, 419;
                                                          NIST 46: 9.244, 52.0
H2O                pKw 13.995, ΔH 55.8 kJ/mol             LLNL 13.995, 55.81; NIST 46: 13.997, 55.81
=================  =====================================  ================================================

NIST 46 stands for what PHREEQC's ``minteq.v4.dat`` takes from it, LLNL for ``llnl.dat`` (thermo.com.V8.R6),
both for no ionic strength. The ammines are an exception: those of the literature of this process are higher
than values for no ionic strength (nickel 2.72, 4.88, 6.54, 7.67, 8.33, 8.30 and manganese 0.84, 1.25, 1.38,
1.24 in the data base of MEDUSA; nickel 5.06 with two and 8.73 with six in LLNL, 8.74 with six in Harris,
Quantitative Chemical Analysis). The liquor has an ionic strength near 1 mol/L. MEDUSA's set instead moves
the diameter by 1.5 % and the width of primaries by 2.1 % (RMS over 30 of the reference states), no more
than the closures miss them by. Crystalline β-Ni(OH)2 is less soluble than the fresh precipitate (−17.0:
NEA, Gamsjäger et al. 2005).

Temperature enters by van 't Hoff with constant enthalpies. Dissolution, 15.7 (Ni) and 14.6 kJ/mol (Mn):
NIST 46, −95.96 and −97.01 with acid plus twice that of water. Nickel's ammines, −14.7 kJ/mol per ammonia:
LLNL, −29.8 with two and −88.0 with six. Manganese's, −11: no value was found, and they bind too little to
matter. Binding of OH− is taken as athermal, so that hydrolysis follows the water (NIST 46: 51.8 for NiOH+,
55.8 for MnOH+).
"""

from dataclasses import dataclass
from functools import lru_cache
from math import exp, log

from scipy.optimize import brentq

GAS_CONSTANT = 8.314462618e-3
"""kJ/(mol·K)."""
LN10 = log(10.0)
METALS = ("Ni", "Mn")

LOG_AMMINES = {"Ni": (2.81, 5.08, 6.85, 8.12, 8.93, 9.08), "Mn": (1.00, 1.54, 1.70, 1.30)}
LOG_HYDROLYSIS = {"Ni": (-9.86, -19.0, -30.0), "Mn": (-10.59, -22.2, -34.8, -48.3)}
LOG_SOLUBILITY = {"Ni": -15.2, "Mn": -12.8}
PKA_AMMONIUM, PKW = 9.245, 13.995
ENTHALPY_AMMINE = {"Ni": -14.7, "Mn": -11.0}
ENTHALPY_DISSOLUTION = {"Ni": 15.7, "Mn": 14.6}
ENTHALPY_AMMONIUM, ENTHALPY_WATER = 52.2, 55.8


@dataclass(frozen=True)
class Constants:
    """Constants at one temperature; hydroxo complexes as M + n OH−."""

    ammines: dict[str, tuple[float, ...]]
    hydroxos: dict[str, tuple[float, ...]]
    solubility_products: dict[str, float]
    acidity_of_ammonium: float
    ion_product_of_water: float


@lru_cache(maxsize=256)
def constants_at(temperature_C: float) -> Constants:
    """The table of this module at another temperature."""
    inverse = (1.0 / 298.15 - 1.0 / (temperature_C + 273.15)) / GAS_CONSTANT
    water = 10.0**-PKW * exp(ENTHALPY_WATER * inverse)
    return Constants(
        ammines={
            m: tuple(10.0**b * exp(n * ENTHALPY_AMMINE[m] * inverse) for n, b in enumerate(LOG_AMMINES[m], 1))
            for m in METALS
        },
        hydroxos={
            m: tuple(10.0 ** (b + n * PKW) for n, b in enumerate(LOG_HYDROLYSIS[m], 1)) for m in METALS
        },
        solubility_products={
            m: 10.0 ** LOG_SOLUBILITY[m] * exp(ENTHALPY_DISSOLUTION[m] * inverse) for m in METALS
        },
        acidity_of_ammonium=10.0**-PKA_AMMONIUM * exp(ENTHALPY_AMMONIUM * inverse),
        ion_product_of_water=water,
    )


@dataclass(frozen=True)
class Speciation:
    """A solution at equilibrium, all in mol/L.

    ``ammines`` and ``hydroxos`` hold, by metal, the complexes with 1, 2, … ligands; ``saturation`` is
    [M][OH]²/Ksp of each pure hydroxide.
    """

    hydrogen: float
    hydroxide: float
    ammonia: float
    ammonium: float
    free: dict[str, float]
    ammines: dict[str, tuple[float, ...]]
    hydroxos: dict[str, tuple[float, ...]]
    saturation: dict[str, float]

    @property
    def charge(self) -> float:
        """Charge of all the species in mol/L; sodium and sulphate are what balances it."""
        metals = sum(
            2.0 * (self.free[m] + sum(self.ammines[m]))
            + sum((2 - n) * c for n, c in enumerate(self.hydroxos[m], 1))
            for m in METALS
        )
        return self.hydrogen + self.ammonium - self.hydroxide + metals

    def complexed(self, metal: str) -> float:
        """Dissolved over free metal, α ≥ 1."""
        total = self.free[metal] + sum(self.ammines[metal]) + sum(self.hydroxos[metal])
        return total / self.free[metal]


def speciate(
    *, pH: float, nickel: float, manganese: float, ammonia: float, temperature_C: float = 25.0
) -> Speciation:
    """Equilibrium at a controlled pH; ``nickel``, ``manganese``, ``ammonia`` are totals in solution.

    Only the balance of ammonia is left to solve: it rises monotonically with ln [NH3], so that Newton's
    method held in a shrinking bracket always finds it.
    """
    k = constants_at(temperature_C)
    hydrogen = 10.0**-pH
    hydroxide = k.ion_product_of_water / hydrogen
    protonated = 1.0 + hydrogen / k.acidity_of_ammonium
    totals = {"Ni": max(nickel, 0.0), "Mn": max(manganese, 0.0)}
    bases = {m: 1.0 + _polynomial(k.hydroxos[m], hydroxide)[0] for m in METALS}
    x = _free_ammonia(k, totals, bases, max(ammonia, 0.0), protonated)
    free, ammines, hydroxos = {}, {}, {}
    for m in METALS:
        free[m] = totals[m] / (bases[m] + _polynomial(k.ammines[m], x)[0]) if totals[m] else 0.0
        ammines[m] = tuple(free[m] * b * x**n for n, b in enumerate(k.ammines[m], 1))
        hydroxos[m] = tuple(free[m] * b * hydroxide**n for n, b in enumerate(k.hydroxos[m], 1))
    return Speciation(
        hydrogen=hydrogen,
        hydroxide=hydroxide,
        ammonia=x,
        ammonium=x * (protonated - 1.0),
        free=free,
        ammines=ammines,
        hydroxos=hydroxos,
        saturation={m: free[m] * hydroxide**2 / k.solubility_products[m] for m in METALS},
    )


def ph_of(
    *, strong_cations: float, nickel: float, manganese: float, ammonia: float, temperature_C: float = 25.0
) -> float:
    """pH at which the charge is balanced; ``strong_cations`` is [Na+] − 2 [SO4 2−] in mol/L.

    Raises ``ValueError`` if no pH from −1 to 15 does.
    """

    def excess(pH: float) -> float:
        return (
            speciate(
                pH=pH, nickel=nickel, manganese=manganese, ammonia=ammonia, temperature_C=temperature_C
            ).charge
            + strong_cations
        )

    return float(brentq(excess, -1.0, 15.0, xtol=1e-14, rtol=8.9e-16))


def _polynomial(constants: tuple[float, ...], x: float) -> tuple[float, float, float]:
    """Σ β_n xⁿ, Σ n β_n xⁿ and Σ n² β_n xⁿ."""
    zeroth = first = second = 0.0
    power = 1.0
    for n, beta in enumerate(constants, 1):
        power *= x
        term = beta * power
        zeroth += term
        first += n * term
        second += n * n * term
    return zeroth, first, second


def _free_ammonia(
    k: Constants, totals: dict[str, float], bases: dict[str, float], ammonia: float, protonated: float
) -> float:
    if ammonia < 1e-200:
        return 0.0
    high = log(ammonia / protonated)
    low = high - 60.0
    u = high
    for _ in range(100):
        x = exp(u)
        balance, slope = protonated * x - ammonia, protonated * x
        for m in METALS:
            if totals[m]:
                s0, s1, s2 = _polynomial(k.ammines[m], x)
                whole = bases[m] + s0
                balance += totals[m] * s1 / whole
                slope += totals[m] * (s2 / whole - (s1 / whole) ** 2)
        if balance > 0.0:
            high = u
        else:
            low = u
        step = -balance / slope
        if abs(step) < 1e-14:
            break
        u = u + step if low < u + step < high else 0.5 * (low + high)
    return exp(u)


def dissolved_at_saturation(
    metal: str, share: float, *, pH: float, free_ammonia: float, temperature_C: float
) -> float:
    """Dissolved ``metal`` in equilibrium with an ideal solid solution that holds the fraction ``share``."""
    k = constants_at(temperature_C)
    hydroxide = k.ion_product_of_water / 10.0**-pH
    whole = (
        1.0 + _polynomial(k.hydroxos[metal], hydroxide)[0] + _polynomial(k.ammines[metal], free_ammonia)[0]
    )
    return float(share * k.solubility_products[metal] / hydroxide**2 * whole)
