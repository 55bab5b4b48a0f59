"""Balances of a continuously fed, overflowing stirred tank in which Ni0.33Mn0.67(OH)2 precipitates.

Metal sulphate, NaOH and NH4OH are pumped (:mod:`sim.feed`) into a tank of constant volume that overflows
with everything in it. The pH controller trims the NaOH about its share, so that pH is at its set-point. Time
counts from the end of filling with ammoniacal liquor and a first minute's feed.

Followed are dissolved and solid Ni and Mn, ammonia, sulphate, what has overflowed, the population of
agglomerates (:mod:`sim.population_balance`), the number of primaries, and the mean and the variance of 1 −
sphericity. Every deposit grows on agglomerates: nuclei of the feed plume are taken to be caught by them at
once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from sim.feed import METAL_SHARES, RESIDENCE_MIN, Closures, Feed
from sim.kinetics import KineticConstants
from sim.population_balance import Population, agglomeration, breakage, growth_spread, uptake
from sim.speciation import METALS, Speciation, dissolved_at_saturation, speciate

MOLAR_VOLUME_L = 0.0259
"""L/mol of Ni0.33Mn0.67(OH)2, from the densities of its end members (CRC Handbook)."""
POROSITY = 0.4
DIFFUSIVITY_UM2_PER_MIN = 7.2e4
"""1.2e-9 m²/s for a divalent ion at 50 °C."""
SHEAR_PER_MIN = 6.0e4
"""At 1000 rpm; it rises with the power 1.5 of the speed, as the root of the dissipated power."""
PRIMARY_SHAPE = 4.0
"""Volume of a primary over the cube of its width."""
BREAKAGE_ORDER, HOLDING_ORDER = 12.0, 8.0
FILLING_MIN, FILLED_UM, FILLED_LOG_SD = 1.0, 1.5, 0.2

(
    C_NI,
    C_MN,
    AMMONIA,
    SULPHATE,
    S_NI,
    S_MN,
    NUMBER,
    SPREAD,
    PRIMARIES,
    AGE,
    DEFECT,
    VARIANCE,
    OUT_NI,
    OUT_MN,
) = range(14)
SIZE = 14


@dataclass(frozen=True)
class Course:
    """The tank over time; ``y`` (14, T) in the order of this module's indices, ``times`` (T,) in min."""

    feed: Feed
    times: NDArray[np.float64]
    y: NDArray[np.float64]

    def population(self, index: int = -1) -> Population:
        """The agglomerates at one of the times."""
        return _population(self.y[:, index])

    def width_um(self, index: int = -1) -> float:
        """Volume-mean width of the primaries."""
        y = self.y[:, index]
        return float(((y[S_NI] + y[S_MN]) * MOLAR_VOLUME_L / (PRIMARY_SHAPE * y[PRIMARIES])) ** (1.0 / 3.0))

    def supersaturation(self, index: int = -1) -> float:
        """S = Ω^(1/3) of the solid solution in the bulk."""
        s = self._speciation(index)
        y = self.y[:, index]
        solid = {"Ni": y[S_NI], "Mn": y[S_MN]}
        shares = {m: solid[m] / sum(solid.values()) for m in METALS}
        return exp(sum(x * log(max(s.saturation[m], 1e-30) / x) for m, x in shares.items()) / 3.0)

    def sodium(self, index: int = -1) -> float:
        """Sodium that holds the pH, from electroneutrality."""
        return float(2.0 * self.y[SULPHATE, index] - self._speciation(index).charge)

    def dissolved(self) -> NDArray[np.float64]:
        """Ni and Mn in solution, (T,)."""
        return np.asarray(self.y[C_NI] + self.y[C_MN])

    def imbalance(self, metal: str, index: int = -1) -> float:
        """(Dissolved + solid + overflowed − fed)/fed of ``metal``."""
        rows = (C_NI, S_NI, OUT_NI) if metal == "Ni" else (C_MN, S_MN, OUT_MN)
        fed = METAL_SHARES[metal] * self.feed.metal * (self.times[index] + FILLING_MIN)
        return float(sum(self.y[row, index] for row in rows) / fed - 1.0)

    def _speciation(self, index: int) -> Speciation:
        y = self.y[:, index]
        return speciate(
            pH=self.feed.pH,
            nickel=y[C_NI],
            manganese=y[C_MN],
            ammonia=y[AMMONIA],
            temperature_C=self.feed.temperature_C,
        )


def _population(y: NDArray[np.float64]) -> Population:
    volume = max(y[S_NI] + y[S_MN], 1e-12) * MOLAR_VOLUME_L / (1.0 - POROSITY)
    return Population.from_moments(exp(y[NUMBER]), 6.0 / np.pi * volume, y[SPREAD])


def run(
    conditions: Mapping[str, float | str], k: KineticConstants, times: NDArray[np.float64] | None = None
) -> Course:
    """Integrate to ``time_min`` of ``conditions``; ``times`` in min are where the course is wanted."""
    feed = Feed.of(conditions)
    closures = Closures.of(feed, k)
    end = float(conditions["time_min"])
    wanted = np.array([end]) if times is None else np.asarray(times, dtype=float)
    tau, shear = feed.residence_min, SHEAR_PER_MIN * feed.stirring**1.5
    loose = k.defect_loose * closures.defect
    fresh = k.defect_fresh * closures.defect
    nuclei = feed.metal * MOLAR_VOLUME_L / (PRIMARY_SHAPE * closures.fresh_width_um**3)

    start = np.zeros(SIZE)
    filled = feed.metal * FILLING_MIN
    start[S_NI], start[S_MN] = METAL_SHARES["Ni"] * filled, METAL_SHARES["Mn"] * filled
    start[AMMONIA] = feed.ammonia
    start[NUMBER] = log(
        6.0 / np.pi * filled * MOLAR_VOLUME_L / (1.0 - POROSITY) / FILLED_UM**3 * exp(-4.5 * FILLED_LOG_SD**2)
    )
    start[SPREAD] = 9.0 * FILLED_LOG_SD**2
    start[PRIMARIES] = nuclei * FILLING_MIN
    start[AGE] = 0.5 * filled * FILLING_MIN
    start[DEFECT], start[VARIANCE] = loose, (k.loose_scatter * loose) ** 2

    def change(_: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        d = np.empty(SIZE)
        solid = max(y[S_NI] + y[S_MN], 1e-12)
        agglomerates = _population(y)
        strength = closures.strength_um * (max(y[AGE] / solid, 0.1) / RESIDENCE_MIN) ** k.strength_per_age

        free = speciate(
            pH=feed.pH,
            nickel=y[C_NI],
            manganese=y[C_MN],
            ammonia=y[AMMONIA],
            temperature_C=feed.temperature_C,
        ).ammonia
        clearance = uptake(
            agglomerates,
            diffusivity_um2_per_min=DIFFUSIVITY_UM2_PER_MIN,
            surface_um_per_min=k.surface_um_per_min,
        )
        volume_per_min = agglomerates.number * float(clearance.sum())
        gained = 0.0
        for metal, c, s, out in (("Ni", C_NI, S_NI, OUT_NI), ("Mn", C_MN, S_MN, OUT_MN)):
            saturated = dissolved_at_saturation(
                metal, max(y[s], 0.0) / solid, pH=feed.pH, free_ammonia=free, temperature_C=feed.temperature_C
            )
            # What dissolves must be there: the last traces are taken for insoluble.
            saturated *= max(y[s], 0.0) / (max(y[s], 0.0) + 0.02 * METAL_SHARES[metal] * filled)
            deposit = volume_per_min * (y[c] - saturated)
            d[c] = METAL_SHARES[metal] * feed.metal - y[c] / tau - deposit
            d[s] = deposit - y[s] / tau
            d[out] = (y[c] + y[s]) / tau
            gained += deposit / solid
        d[AMMONIA] = (feed.ammonia - y[AMMONIA]) / tau
        d[SULPHATE] = feed.metal - y[SULPHATE] / tau

        joined, joined_spread = agglomeration(
            agglomerates,
            shear_per_min=shear,
            efficiency=k.efficiency,
            holding_um=k.holding * strength,
            order=HOLDING_ORDER,
        )
        broken, broken_spread = breakage(
            agglomerates, rate_per_min=k.breakage_per_min, strength_um=strength, order=BREAKAGE_ORDER
        )
        d[NUMBER] = broken - joined - 1.0 / tau
        # Dissolution leaves the form of the distribution; dispersion ends where its SD of ln is 0.6.
        dispersion = k.dispersion * max(0.0, 1.0 - (y[SPREAD] / 3.24) ** 2)
        grown = max(gained, 0.0) * (growth_spread(agglomerates, clearance) + dispersion)
        d[SPREAD] = joined_spread + broken_spread + grown
        d[PRIMARIES] = nuclei - y[PRIMARIES] * (1.0 / tau + k.primary_ripening_per_min)
        d[AGE] = solid - y[AGE] / tau

        # An event replaces the share q of an outline: δ becomes (1 − q)·δ + q·δ', δ' drawn from fresh ones.
        events, q = joined + broken, k.fresh_share
        rounded = k.rounding_by_deposit * max(gained, 0.0) + k.rounding_per_min
        apart = (k.defect_scatter * y[DEFECT]) ** 2 + (fresh - y[DEFECT]) ** 2
        d[DEFECT] = events * q * (fresh - y[DEFECT]) - rounded * y[DEFECT]
        d[VARIANCE] = events * q * (q * apart - (2.0 - q) * y[VARIANCE]) - 2.0 * rounded * y[VARIANCE]
        return d

    def jacobian(t: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        # solve_ivp's own differences lose their step on what acts on nothing, such as the overflow.
        base = change(t, y)
        found = np.zeros((SIZE, SIZE))
        for column in range(OUT_NI):
            step = 1e-7 * max(abs(y[column]), 1e3 * tolerance[column])
            moved = y.copy()
            moved[column] += step
            found[:, column] = (change(t, moved) - base) / step
        found[OUT_NI, [C_NI, S_NI]] = found[OUT_MN, [C_MN, S_MN]] = 1.0 / tau
        return found

    tolerance = np.full(SIZE, 1e-9)
    tolerance[[C_NI, C_MN]] = 1e-10
    tolerance[[NUMBER, SPREAD]] = 1e-6
    tolerance[PRIMARIES] = 1e-8 * nuclei
    solution = solve_ivp(
        change,
        (0.0, end),
        start,
        method="BDF",
        t_eval=wanted,
        rtol=1e-4,
        atol=tolerance,
        jac=jacobian,
        first_step=1e-6,
    )
    if not solution.success:
        raise RuntimeError(f"The balances of the tank could not be integrated: {solution.message}")
    return Course(feed, solution.t, solution.y)
