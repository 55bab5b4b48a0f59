"""Population balance of agglomerates by moments of the diameter, closed by a log-normal distribution.

Three moments are followed: number M0, volume M3 and M6, the last as the spread s = ln(M0·M6/M3²) = 9σ²,
where σ is the SD of the ln of the diameter. Integrals over kernels that have no closed form are taken with
Gauss–Hermite nodes on the log-normal density (extended quadrature method of moments with one node: Yuan,
Laurent & Fox, J. Aerosol Sci. 2012, 51, 1). Lengths in µm, numbers per µm³ of slurry, times in min.
"""

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
PAIRS = np.outer(WEIGHTS, WEIGHTS)


@dataclass(frozen=True)
class Population:
    """A log-normal distribution of diameters: number per µm³, median in µm, SD of ln."""

    number: float
    median_um: float
    log_sd: float

    @classmethod
    def from_moments(cls, number: float, third: float, spread: float) -> "Population":
        """From M0, M3 (–) and s; the SD of ln is held between 0.01 and 0.8."""
        spread = min(max(spread, 9e-4), 5.76)
        return cls(number, exp((log(third / number) - 0.5 * spread) / 3.0), sqrt(spread) / 3.0)

    def moment(self, order: float) -> float:
        """M_k in µm^(k−3)."""
        return float(self.number * self.median_um**order * exp(0.5 * (order * self.log_sd) ** 2))

    def nodes(self) -> NDArray[np.float64]:
        """Diameters at which kernels are evaluated."""
        return np.asarray(self.median_um * np.exp(self.log_sd * NODES))


def agglomeration(
    population: Population, *, shear_per_min: float, efficiency: float, holding_um: float, order: float
) -> tuple[float, float]:
    """Collisions by shear that hold: loss of number and change of spread, both relative, per min.

    Kernel β = γ/6·(L1+L2)³·α (Smoluchowski); of colliding pairs with the mean diameter L̄ a share
    α = ``efficiency``/(1 + (L̄/``holding_um``)^``order``) is cemented before shear parts it (Hounslow,
    Mumtaz, Collier, Barrick & Bramley, Chem. Eng. Sci. 2001, 56, 2543, for the form).
    """
    d = population.nodes()
    both = d[:, None] + d[None, :]
    share = efficiency / (1.0 + (0.5 * both / holding_um) ** order)
    kernel = shear_per_min / 6.0 * both**3 * share * PAIRS
    cube = d**3
    loss = 0.5 * population.number * float(kernel.sum())
    sixth = population.number * float((kernel * np.outer(cube, cube)).sum())
    sixth /= float(WEIGHTS @ cube**2)
    return loss, sixth - loss


def breakage(
    population: Population, *, rate_per_min: float, strength_um: float, order: float
) -> tuple[float, float]:
    """Fracture into halves at ``rate_per_min``·(L/``strength_um``)^``order``: gain of number, of spread.

    Moments of a log-normal give both in closed form.
    """
    variance = population.log_sd**2
    scale = rate_per_min * (population.median_um / strength_um) ** order
    gain = scale * exp(0.5 * order**2 * variance)
    sixth = -0.5 * scale * exp(0.5 * ((order + 6.0) ** 2 - 36.0) * variance)
    return gain, gain + sixth


def uptake(
    population: Population, *, diffusivity_um2_per_min: float, surface_um_per_min: float
) -> NDArray[np.float64]:
    """Clearance πL²k of particles at the nodes, in µm³/min, times their weight.

    k has diffusion to a sphere (Sherwood number 2) and the surface reaction in series.
    """
    d = population.nodes()
    return np.asarray(
        WEIGHTS * np.pi * d**2 / (d / (2.0 * diffusivity_um2_per_min) + 1.0 / surface_um_per_min)
    )


def growth_spread(population: Population, clearance: NDArray[np.float64]) -> float:
    """Change of the spread for a relative gain of volume of 1, if volume is gained as ``clearance``."""
    cube = population.nodes() ** 3
    share = clearance / clearance.sum()
    return float(2.0 * (share @ cube) * (WEIGHTS @ cube) / (WEIGHTS @ cube**2)) - 2.0
