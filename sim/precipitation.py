"""Co-precipitation of Ni0.33Mn0.67(OH)2 in reduced form: from conditions to the state of a powder.

The growth of agglomerates and their rounding are first-order relaxations with a fast stage (nucleation and
agglomeration, about the first two hours) and a slow one (ripening). The constants reproduce the trends that
Choi et al., Mater. Horiz. 2026, 13, 727 report for this material; the absolute values are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import exp, log, log1p

import numpy as np

REFERENCE_PH = 10.4
REFERENCE_NAOH = 0.14
REFERENCE_NH4OH = 0.16
REFERENCE_STIRRING_RPM = 1000.0


@dataclass(frozen=True)
class KineticConstants:
    """Constants of the reduced model; the reference values are those of the published trends."""

    diameter_um: float = 7.0
    """Number-median agglomerate diameter at the reference point after the fast stage."""
    diameter_per_ph: float = -0.38
    diameter_per_nh4oh: float = -0.30
    diameter_per_naoh: float = 0.10
    growth_min: float = 70.0
    defect: float = 0.105
    """1 − sphericity at the reference point after the fast stage."""
    defect_per_ph: float = -0.65
    defect_per_naoh: float = -0.55
    defect_oxygen: float = 1.7
    rounding_min: float = 110.0
    ripening_min: float = 420.0
    primary_width_um: float = 0.105
    """Width of the primary needles or plates at the reference point."""
    width_per_ph: float = 0.50
    width_per_naoh: float = -0.42
    width_per_nh4oh: float = 0.48
    width_oxygen: float = 2.1

    def perturbed(self, seed: int, relative: float) -> "KineticConstants":
        """Constants of another plant: each multiplied by a log-normal factor of relative SD ``relative``."""
        rng = np.random.default_rng([seed, 0x6B696E])
        factors = np.exp(rng.normal(0.0, relative, size=len(fields(self))))
        return replace(
            self,
            **{
                f.name: float(getattr(self, f.name) * factor)
                for f, factor in zip(fields(self), factors, strict=True)
            },
        )


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


def precipitate(conditions: Mapping[str, float | str], constants: KineticConstants) -> PowderState:
    """State of the powder after ``time_min`` minutes at constant conditions.

    ``conditions``: ``pH`` (–), ``naoh_factor`` and ``nh4oh_factor`` (of the stock), ``time_min`` (min),
    ``atmosphere`` (``N2`` or ``O2``), optionally ``stirring_rpm`` (rpm).
    """
    k = constants
    time = float(conditions["time_min"])
    alkalinity = float(conditions["pH"]) - REFERENCE_PH
    naoh = log(float(conditions["naoh_factor"]) / REFERENCE_NAOH)
    nh4oh = log(float(conditions["nh4oh_factor"]) / REFERENCE_NH4OH)
    stirring = log(float(conditions.get("stirring_rpm", REFERENCE_STIRRING_RPM)) / REFERENCE_STIRRING_RPM)
    oxygen = str(conditions.get("atmosphere", "N2")) == "O2"

    growth = 0.5 + 0.5 * (1.0 - exp(-time / k.growth_min))
    ripening = log1p(time / k.ripening_min)
    diameter = (
        k.diameter_um
        * exp(k.diameter_per_ph * alkalinity + k.diameter_per_nh4oh * nh4oh + k.diameter_per_naoh * naoh)
        * exp(-0.25 * stirring)
        * growth
        * (1.0 + 0.10 * ripening)
    )
    rounding = 0.5 + 0.9 * exp(-time / k.rounding_min) + 0.5 * exp(-time / k.ripening_min)
    defect = (
        k.defect * exp(k.defect_per_ph * alkalinity + k.defect_per_naoh * naoh - 0.15 * stirring) * rounding
    )
    width = (
        k.primary_width_um
        * exp(k.width_per_ph * alkalinity + k.width_per_naoh * naoh + k.width_per_nh4oh * nh4oh)
        * (1.0 + 0.08 * ripening)
    )
    if oxygen:
        defect *= k.defect_oxygen
        width *= k.width_oxygen
    return PowderState(
        diameter_um=diameter,
        diameter_log_sd=0.12 + 0.08 * exp(-time / 150.0),
        defect_mean=min(defect, 0.45),
        defect_sd=min(defect, 0.45) * (0.28 + 0.22 * exp(-time / 150.0)),
        primary_width_um=min(width, 0.6),
        primary_aspect=float(np.clip(5.5 - 12.0 * width, 1.6, 5.0)),
    )
