"""The calibrated estimator: the interval of a phase fraction from the lowest Fourier coefficients.

Var(φ) = S(0)/V with S the power spectrum of the phase indicator. S(0) is estimated by averaging over spectral
shapes (:mod:`models.representativity.spectrum`), so that the interval holds the truth as often as it says,
down to 256 px and in volumes, where the model error of Dahari et al. (arXiv 2410.19568) leaves it short.
"""

import math

import numpy as np
from scipy.special import fdtrc, stdtrit

from models.representativity.indicator import Indicator
from models.representativity.lattice import axis_scales, lattice, low_periodogram
from models.representativity.remarks import remarks
from models.representativity.result import Representativity, further_fields
from models.representativity.spectrum import ZeroSpectrum, averaged, zero_spectrum

COEFFICIENTS = 24


def calibrated(images: list[Indicator], confidence: float, target_error: float) -> Representativity:
    """Representativity of one image or volume, or of a stack of fields, by the spectral estimator."""
    dimensions = images[0].ndim
    volumes = np.array([image.size for image in images], float)
    total = float(volumes.sum())
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for number, image in enumerate(images):
        by_shape.setdefault(image.shape, []).append(number)
    fractions = np.empty(len(images))
    spectra = []
    for shape, members in by_shape.items():
        waves = lattice(shape, axis_scales([images[m] for m in members]), COEFFICIENTS)
        ordinates = np.empty((len(members), len(waves.k2)))
        for row, member in enumerate(members):
            fractions[member], ordinates[row] = low_periodogram(images[member], waves)
        spectra.append((ordinates, waves.k2))
    fraction = float(fractions @ volumes / total)
    variance = fraction * (1 - fraction)
    if variance <= 0:
        return _without_contrast(fraction, len(images), confidence, target_error)
    structure = averaged([zero_spectrum(*spectrum, variance, dimensions) for spectrum in spectra])
    posterior, half = structure, structure.half_width(total, confidence)
    differ = False
    if len(images) > 1:
        wider, differ = _between_fields(fractions, volumes, posterior, confidence)
        # Fields that may differ are never taken for more certain than their scatter says.
        if wider is not None and wider[0] > half:
            half, posterior = wider
    samples = total * variance / posterior.mean
    warnings = remarks(images, samples)
    if differ:
        warnings.append("The fields differ by more than their structure explains; take more of them.")
    middle, width = _wilson(fraction, half, variance)
    # Beyond the ends of 0–1 a half width says no more than that nothing is known.
    error = min(half, max(fraction, 1 - fraction))
    wanted = target_error * fraction
    level = (1 + confidence) / 2

    def quantile(fields: int) -> float:
        if posterior is structure:
            return float(stdtrit(structure.freedom * fields / len(images), level))
        return float(stdtrit(fields - 1, level))

    side = (posterior.mean * (quantile(len(images)) / wanted) ** 2) ** (1 / dimensions)
    return Representativity(
        phase_fraction=fraction,
        integral_range_px=(structure.mean / variance) ** (1 / dimensions),
        confidence=confidence,
        ci=(max(middle - width, 0.0), min(middle + width, 1.0)),
        abs_error=error,
        rel_error=error / fraction,
        target_error=target_error,
        required_size_px=side,
        representative=error <= wanted,
        method="calibrated",
        warnings=tuple(warnings),
        effective_samples=samples,
        n_fields=len(images),
        further_fields=further_fields(len(images), half, wanted, quantile),
    )


def _between_fields(
    fractions: np.typing.NDArray[np.float64],
    volumes: np.typing.NDArray[np.float64],
    posterior: ZeroSpectrum,
    confidence: float,
) -> tuple[tuple[float, ZeroSpectrum] | None, bool]:
    """The half width that the scatter of fields asks for, if it may matter; whether they surely differ."""
    freedom = len(fractions) - 1
    mean = float(fractions @ volumes / volumes.sum())
    scatter = float(volumes @ (fractions - mean) ** 2) / freedom
    chance = float(fdtrc(freedom, posterior.freedom, scatter / posterior.mean))
    if chance >= 0.3:
        return None, False
    half = float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(scatter / volumes.sum())
    return (half, ZeroSpectrum(np.ones(1), np.array([scatter]), float(freedom))), chance < 0.05


def _wilson(fraction: float, half: float, variance: float) -> tuple[float, float]:
    """Centre and half width of Wilson's interval, which stays within 0–1 (Wilson, JASA 22 (1927) 209)."""
    z2 = half**2 / variance
    return (fraction + z2 / 2) / (1 + z2), math.sqrt(half**2 + z2**2 / 4) / (1 + z2)


def _without_contrast(
    fraction: float, fields: int, confidence: float, target_error: float
) -> Representativity:
    nan = float("nan")
    return Representativity(
        phase_fraction=fraction,
        integral_range_px=nan,
        confidence=confidence,
        ci=(0.0, 1.0),
        abs_error=nan,
        rel_error=nan,
        target_error=target_error,
        required_size_px=nan,
        representative=False,
        method="calibrated",
        warnings=("The image has no contrast, so nothing bounds its phase fraction; pool it with others.",),
        effective_samples=nan,
        n_fields=fields,
    )
