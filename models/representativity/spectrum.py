"""The power spectrum at zero wave number, from the lowest coefficients, averaged over spectral shapes."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr, stdtr, stdtrit

Floats = NDArray[np.float64]

WIDTHS = 10
FLOORS = (0.0, 0.1, 0.3)
RISING_WIDTHS = 4
RISING_PRIOR = 0.05
# Prior of κ = b/a²: what the families of structures that it was tuned on show, and a wide slab beside it.
KAPPA_MEDIAN, KAPPA_LOG_SD, SLAB, SLAB_LOW, SLAB_HIGH = 0.15, 0.6, 0.25, 0.05, 50.0


@dataclass(frozen=True)
class ZeroSpectrum:
    """Posterior of S(0): ``values`` with ``weights``, each with a χ² error of ``freedom`` degrees."""

    weights: Floats
    values: Floats
    freedom: float

    @property
    def mean(self) -> float:
        """Posterior mean of S(0)."""
        return float(self.weights @ self.values)

    def half_width(self, volume: float, confidence: float) -> float:
        """h with P(|error of the fraction| < h) = ``confidence`` for ``volume`` pixels: a mixture of t."""
        heavy = self.weights > 1e-7
        weight = self.weights[heavy] / self.weights[heavy].sum()
        sd = np.sqrt(self.values[heavy] / volume)
        quantile = (1 + confidence) / 2
        half = least = float(sd.min() * stdtrit(self.freedom, quantile))
        peak = math.exp(gammaln((self.freedom + 1) / 2) - gammaln(self.freedom / 2))
        peak /= math.sqrt(self.freedom * math.pi)
        # The distribution bends downwards, so that Newton's steps from the left never pass the quantile.
        for _ in range(100):
            x = half / sd
            density = peak * (1 + x**2 / self.freedom) ** (-(self.freedom + 1) / 2)
            step = (quantile - float(weight @ stdtr(self.freedom, x))) / float(weight @ (density / sd))
            half = max(half + step, least)
            if abs(step) < 1e-8 * half:
                break
        return half


@dataclass(frozen=True)
class _Shapes:
    """Spectral shapes g(k²): ``inverse`` (n, m) is 1/g, ``log_sum`` (n,) Σ log g; width and prior of each."""

    inverse: Floats
    log_sum: Floats
    log_width: Floats
    prior: Floats
    narrow: slice
    rising: slice
    log_first: float
    log_step: float


@lru_cache(maxsize=256)
def _shapes(k2_key: tuple[float, ...]) -> _Shapes:
    k2 = np.array(k2_key)
    widths = np.geomspace(0.05 / k2.max(), max(3.0 / k2.min(), 0.1 / k2.max()), WIDTHS)
    decays = np.concatenate(
        [f + (1 - f) * decay for b in widths for decay in _decays(b * k2) for f in FLOORS]
    ).reshape(-1, k2.size)
    rises = 1 + np.geomspace(0.3 / k2.max(), 30.0 / k2.max(), RISING_WIDTHS)[:, None] * k2
    shapes = np.concatenate([np.ones((1, k2.size)), decays, rises])
    per_width = 2 * len(FLOORS)
    log_width = np.concatenate([[0.0], np.repeat(np.log(widths), per_width), np.zeros(RISING_WIDTHS)])
    prior = np.concatenate(
        [[1.0], np.full(len(decays), 1 / per_width), np.full(RISING_WIDTHS, RISING_PRIOR / RISING_WIDTHS)]
    )
    return _Shapes(
        inverse=1 / shapes,
        log_sum=np.log(shapes).sum(axis=1),
        log_width=log_width,
        prior=prior,
        narrow=slice(1, 1 + len(decays)),
        rising=slice(1 + len(decays), None),
        log_first=math.log(widths[0]),
        log_step=math.log(widths[1] / widths[0]),
    )


def _decays(x: Floats) -> tuple[Floats, Floats]:
    return 1 / (1 + x), np.exp(-np.minimum(x, 40.0))


def zero_spectrum(ordinates: Floats, k2: Floats, variance: float, dimensions: int) -> ZeroSpectrum:
    """Posterior of S(0) from periodogram ``ordinates`` (fields, m) at ``k2`` (m,).

    ``variance`` is φ(1 − φ). Each ordinate is S(k) times an exponential variable (Whittle), so a shape g
    gives S(0) = mean(y/g) and a likelihood; the prior of a shape's width b is of κ = b/a², a the integral
    range.
    """
    shapes = _shapes(tuple(np.round(k2, 12)))
    fields, number = ordinates.shape[0], ordinates.size
    values = shapes.inverse @ ordinates.sum(axis=0) / number
    values = np.maximum(values, 1e-300)
    log_area = (2 / dimensions) * np.log(np.maximum(values / variance, 1.0))
    log_prior = np.log(shapes.prior)
    decays = shapes.narrow
    density = _density(shapes.log_width[decays] - log_area[decays]) * shapes.log_step
    log_prior[decays] += np.log(np.maximum(density, 1e-12))
    # Flat stands for every width below the grid.
    below = _mass_below(shapes.log_first - shapes.log_step / 2 - float(log_area[0]))
    log_prior[0] = math.log(max(below, 1e-6))
    log_weight = log_prior - fields * shapes.log_sum - number * np.log(values)
    weights = np.exp(log_weight - log_weight.max())
    return ZeroSpectrum(weights / weights.sum(), np.maximum(values, variance), 2.0 * number)


def _density(log_kappa: Floats) -> Floats:
    core = np.exp(-0.5 * ((log_kappa - math.log(KAPPA_MEDIAN)) / KAPPA_LOG_SD) ** 2)
    core /= KAPPA_LOG_SD * math.sqrt(2 * math.pi)
    inside = (log_kappa > math.log(SLAB_LOW)) & (log_kappa < math.log(SLAB_HIGH))
    return np.asarray((1 - SLAB) * core + SLAB * inside / math.log(SLAB_HIGH / SLAB_LOW))


def _mass_below(log_kappa: float) -> float:
    core = float(ndtr((log_kappa - math.log(KAPPA_MEDIAN)) / KAPPA_LOG_SD))
    slab = (log_kappa - math.log(SLAB_LOW)) / math.log(SLAB_HIGH / SLAB_LOW)
    return (1 - SLAB) * core + SLAB * min(max(slab, 0.0), 1.0)


def averaged(parts: list[ZeroSpectrum]) -> ZeroSpectrum:
    """One posterior from those of frames of different sizes, weighted by their degrees of freedom."""
    if len(parts) == 1:
        return parts[0]
    freedom = sum(part.freedom for part in parts)
    mean = sum(part.mean * part.freedom for part in parts) / freedom
    weights = np.concatenate([part.weights * (part.freedom / freedom) for part in parts])
    # Each keeps its relative spread about the common mean.
    values = np.concatenate([part.values * (mean / part.mean) for part in parts])
    return ZeroSpectrum(weights, values, freedom)
