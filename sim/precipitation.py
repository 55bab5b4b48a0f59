"""Co-precipitation of Ni0.33Mn0.67(OH)2: from conditions to the state of a powder.

Speciation (:mod:`sim.speciation`), the balances of a stirred tank (:mod:`sim.stirred_tank`) and a
population balance (:mod:`sim.population_balance`) give the agglomerates; closures with fitted constants
(:mod:`sim.kinetics`) give what these do not hold: the strength and the outlines of agglomerates, the width
of the primaries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from sim.balances import DEFECT, S_MN, S_NI, VARIANCE
from sim.kinetics import KineticConstants
from sim.speciation import METALS
from sim.stirred_tank import Course, run

__all__ = ["KineticConstants", "PowderState", "Trajectory", "precipitate", "trajectory"]

FINEST_UM, WIDEST_UM, LARGEST_DEFECT = 1.0, 0.6, 0.45


@dataclass(frozen=True)
class PowderState:
    """What the reactor holds when the reaction is stopped."""

    diameter_um: float
    """Number median of the equivalent-sphere diameter of the agglomerates."""
    diameter_log_sd: float
    defect_mean: float
    """Mean of 1 − sphericity of the projected outlines."""
    defect_sd: float
    primary_width_um: float
    primary_aspect: float
    """Length over width of the primary particles: needles when fine, plates when coarse."""


@dataclass(frozen=True)
class Trajectory:
    """The tank over a batch; arrays (T,) over ``times_min``."""

    times_min: NDArray[np.float64]
    states: list[PowderState]
    supersaturation: NDArray[np.float64]
    """Ω^(1/3) of the solid solution in the bulk."""
    solid_M: NDArray[np.float64]
    dissolved_M: NDArray[np.float64]
    """Ni and Mn together, mol per L of slurry."""
    sodium_M: NDArray[np.float64]
    """What the pH controller has put in the tank."""
    imbalance: NDArray[np.float64]
    """(Dissolved + solid + overflowed − fed)/fed, the larger of Ni and Mn."""


def precipitate(conditions: Mapping[str, float | str], constants: KineticConstants) -> PowderState:
    """State of the powder after ``time_min`` minutes at constant conditions.

    ``conditions``: ``pH`` (–), ``naoh_factor`` and ``nh4oh_factor`` (nominal shares of their stocks in the
    feed), ``time_min`` (min), ``atmosphere`` (``N2`` or ``O2``), and optionally ``stirring_rpm`` (rpm,
    1000), ``total_metal_M`` (mol/L, 2) and ``temperature_C`` (°C, 50).
    """
    return _state(run(conditions, constants), -1)


def trajectory(
    conditions: Mapping[str, float | str], constants: KineticConstants, points: int = 60
) -> Trajectory:
    """The course to ``time_min`` at ``points`` times, dense at first."""
    end = float(conditions["time_min"])
    course = run(conditions, constants, np.geomspace(min(1.0, end), end, points))
    indices = range(points)
    y = course.y
    return Trajectory(
        times_min=course.times,
        states=[_state(course, i) for i in indices],
        supersaturation=np.array([course.supersaturation(i) for i in indices]),
        solid_M=y[S_NI] + y[S_MN],
        dissolved_M=course.dissolved(),
        sodium_M=np.array([course.sodium(i) for i in indices]),
        imbalance=np.array([max((course.imbalance(m, i) for m in METALS), key=abs) for i in indices]),
    )


def _state(course: Course, index: int) -> PowderState:
    agglomerates, width = course.population(index), course.width_um(index)
    defect, variance = course.y[DEFECT, index], course.y[VARIANCE, index]
    # Beyond this an outline is no longer that of one particle; the spread shrinks in proportion.
    held = min(float(defect), LARGEST_DEFECT)
    return PowderState(
        # Where the liquor dissolves what it has, a filter still holds agglomerates of this size.
        diameter_um=max(agglomerates.median_um, FINEST_UM),
        diameter_log_sd=agglomerates.log_sd,
        defect_mean=held,
        defect_sd=held * sqrt(max(float(variance), 0.0)) / float(defect),
        primary_width_um=min(width, WIDEST_UM),
        primary_aspect=float(np.clip(5.5 - 12.0 * width, 1.6, 5.0)),
    )
