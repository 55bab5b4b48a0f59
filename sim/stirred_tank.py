"""A continuously fed, overflowing stirred tank in which Ni0.33Mn0.67(OH)2 precipitates, over time.

Metal sulphate, NaOH and NH4OH are pumped (:mod:`sim.feed`) into a tank of constant volume that overflows
with everything in it. The pH controller trims the NaOH about its share, so that pH is at its set-point. Time
counts from the end of filling with ammoniacal liquor and a first minute's feed.

What changes in it is in :mod:`sim.balances`. Every deposit grows on agglomerates: nuclei of the feed plume
are taken to be caught by them at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from sim.balances import (
    AMMONIA,
    C_MN,
    C_NI,
    FILLING_MIN,
    MOLAR_VOLUME_L,
    OUT_MN,
    OUT_NI,
    PRIMARIES,
    PRIMARY_SHAPE,
    S_MN,
    S_NI,
    SULPHATE,
    Balances,
    population,
)
from sim.feed import METAL_SHARES, Closures, Feed
from sim.kinetics import KineticConstants
from sim.population_balance import Population
from sim.speciation import METALS, Speciation, speciate


@dataclass(frozen=True)
class Course:
    """The tank over time; ``y`` (14, T) in the order of :mod:`sim.balances`, ``times`` (T,) in min."""

    feed: Feed
    times: NDArray[np.float64]
    y: NDArray[np.float64]

    def population(self, index: int = -1) -> Population:
        """The agglomerates at one of the times."""
        return population(self.y[:, index])

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


def run(
    conditions: Mapping[str, float | str], k: KineticConstants, times: NDArray[np.float64] | None = None
) -> Course:
    """Integrate to ``time_min`` of ``conditions``; ``times`` in min are where the course is wanted."""
    feed = Feed.of(conditions)
    balances = Balances(feed, Closures.of(feed, k), k)
    end = float(conditions["time_min"])
    solution = solve_ivp(
        balances.change,
        (0.0, end),
        balances.start,
        method="BDF",
        t_eval=np.array([end]) if times is None else np.asarray(times, dtype=float),
        rtol=1e-4,
        atol=balances.tolerance,
        jac=balances.jacobian,
        first_step=1e-6,
    )
    if not solution.success:
        raise RuntimeError(f"The balances of the tank could not be integrated: {solution.message}")
    return Course(feed, solution.t, solution.y)
