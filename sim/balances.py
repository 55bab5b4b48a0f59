"""What changes in the tank, per minute: balances of metals, ammonia, sulphate, agglomerates and their form.

The unknowns are those of :mod:`sim.stirred_tank`, which integrates them: dissolved and solid Ni and Mn,
ammonia, sulphate, what has overflowed, the population of agglomerates (:mod:`sim.population_balance`), the
number of primaries, and the mean and the variance of 1 − sphericity.
"""

from dataclasses import dataclass
from functools import cached_property
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from sim.feed import METAL_SHARES, RESIDENCE_MIN, Closures, Feed
from sim.kinetics import KineticConstants
from sim.population_balance import Population, agglomeration, breakage, growth_spread, uptake
from sim.speciation import dissolved_at_saturation, speciate

Vector = NDArray[np.float64]

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


def population(y: Vector) -> Population:
    """The agglomerates of a state ``y`` (14,)."""
    volume = max(y[S_NI] + y[S_MN], 1e-12) * MOLAR_VOLUME_L / (1.0 - POROSITY)
    return Population.from_moments(exp(y[NUMBER]), 6.0 / np.pi * volume, y[SPREAD])


@dataclass(frozen=True)
class Balances:
    """The balances for one feed: state at the start, change per minute, and its derivatives."""

    feed: Feed
    closures: Closures
    k: KineticConstants

    @cached_property
    def start(self) -> Vector:
        """State (14,) after filling with ammoniacal liquor and a first minute's feed."""
        y, filled = np.zeros(SIZE), self._filled
        y[S_NI], y[S_MN] = METAL_SHARES["Ni"] * filled, METAL_SHARES["Mn"] * filled
        y[AMMONIA] = self.feed.ammonia
        volume = 6.0 / np.pi * filled * MOLAR_VOLUME_L / (1.0 - POROSITY)
        y[NUMBER] = log(volume / FILLED_UM**3 * exp(-4.5 * FILLED_LOG_SD**2))
        y[SPREAD] = 9.0 * FILLED_LOG_SD**2
        y[PRIMARIES] = self._nuclei * FILLING_MIN
        y[AGE] = 0.5 * filled * FILLING_MIN
        loose = self.k.defect_loose * self.closures.defect
        y[DEFECT], y[VARIANCE] = loose, (self.k.loose_scatter * loose) ** 2
        return y

    @cached_property
    def tolerance(self) -> Vector:
        """Absolute errors (14,) that do not matter."""
        tolerance = np.full(SIZE, 1e-9)
        tolerance[[C_NI, C_MN]] = 1e-10
        tolerance[[NUMBER, SPREAD]] = 1e-6
        tolerance[PRIMARIES] = 1e-8 * self._nuclei
        return tolerance

    def change(self, _: float, y: Vector) -> Vector:
        """dy/dt (14,) in 1/min."""
        d, feed, k = np.empty(SIZE), self.feed, self.k
        tau, solid, agglomerates = feed.residence_min, max(y[S_NI] + y[S_MN], 1e-12), population(y)
        clearance = uptake(
            agglomerates,
            diffusivity_um2_per_min=DIFFUSIVITY_UM2_PER_MIN,
            surface_um_per_min=k.surface_um_per_min,
        )
        gained = self._deposit(y, d, agglomerates.number * float(clearance.sum()))
        d[AMMONIA] = (feed.ammonia - y[AMMONIA]) / tau
        d[SULPHATE] = feed.metal - y[SULPHATE] / tau

        strength = self.closures.strength_um
        strength *= (max(y[AGE] / solid, 0.1) / RESIDENCE_MIN) ** k.strength_per_age
        joined, joined_spread = agglomeration(
            agglomerates,
            shear_per_min=SHEAR_PER_MIN * feed.stirring**1.5,
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
        d[PRIMARIES] = self._nuclei - y[PRIMARIES] * (1.0 / tau + k.primary_ripening_per_min)
        d[AGE] = solid - y[AGE] / tau
        self._round(y, d, events=joined + broken, gained=gained)
        return d

    def jacobian(self, t: float, y: Vector) -> Vector:
        """∂(dy/dt)/∂y (14, 14). scipy's own differences lose their step on what acts on nothing."""
        base = self.change(t, y)
        found = np.zeros((SIZE, SIZE))
        for column in range(OUT_NI):
            step = 1e-7 * max(abs(y[column]), 1e3 * self.tolerance[column])
            moved = y.copy()
            moved[column] += step
            found[:, column] = (self.change(t, moved) - base) / step
        found[OUT_NI, [C_NI, S_NI]] = found[OUT_MN, [C_MN, S_MN]] = 1.0 / self.feed.residence_min
        return found

    def _deposit(self, y: Vector, d: Vector, volume_per_min: float) -> float:
        """Fill in the metals; what is deposited per minute over the solid that there is."""
        feed, tau, solid, gained = self.feed, self.feed.residence_min, max(y[S_NI] + y[S_MN], 1e-12), 0.0
        free = speciate(
            pH=feed.pH,
            nickel=y[C_NI],
            manganese=y[C_MN],
            ammonia=y[AMMONIA],
            temperature_C=feed.temperature_C,
        ).ammonia
        for metal, c, s, out in (("Ni", C_NI, S_NI, OUT_NI), ("Mn", C_MN, S_MN, OUT_MN)):
            saturated = dissolved_at_saturation(
                metal, max(y[s], 0.0) / solid, pH=feed.pH, free_ammonia=free, temperature_C=feed.temperature_C
            )
            # What dissolves must be there: the last traces are taken for insoluble.
            saturated *= max(y[s], 0.0) / (max(y[s], 0.0) + 0.02 * METAL_SHARES[metal] * self._filled)
            deposit = volume_per_min * (y[c] - saturated)
            d[c] = METAL_SHARES[metal] * feed.metal - y[c] / tau - deposit
            d[s] = deposit - y[s] / tau
            d[out] = (y[c] + y[s]) / tau
            gained += deposit / solid
        return gained

    def _round(self, y: Vector, d: Vector, *, events: float, gained: float) -> None:
        """Fill in 1 − sphericity: an event replaces the share q of an outline.

        δ becomes (1 − q)·δ + q·δ', δ' drawn from fresh ones.
        """
        k, q = self.k, self.k.fresh_share
        fresh = k.defect_fresh * self.closures.defect
        rounded = k.rounding_by_deposit * max(gained, 0.0) + k.rounding_per_min
        apart = (k.defect_scatter * y[DEFECT]) ** 2 + (fresh - y[DEFECT]) ** 2
        d[DEFECT] = events * q * (fresh - y[DEFECT]) - rounded * y[DEFECT]
        d[VARIANCE] = events * q * (q * apart - (2.0 - q) * y[VARIANCE]) - 2.0 * rounded * y[VARIANCE]

    @property
    def _filled(self) -> float:
        return self.feed.metal * FILLING_MIN

    @cached_property
    def _nuclei(self) -> float:
        """Primaries that the feed plume makes in a minute."""
        return self.feed.metal * MOLAR_VOLUME_L / (PRIMARY_SHAPE * self.closures.fresh_width_um**3)
