"""The measure "phase": a two-phase material by its bright fraction and its correlation length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from models.morphology.classical import otsu
from models.morphology.measures import Descriptor, FieldMeasurement, Image

SMOOTHING_PX = 1.0
SEPARABILITY = 0.5

_DESCRIPTORS = (
    Descriptor("phase_fraction", "", "area fraction of the bright phase"),
    Descriptor("pore_fraction", "", "area fraction of the dark phase: pores, voids"),
    Descriptor("correlation_length_um", "µm", "lag at which the two-point correlation has fallen to 1/e"),
)


@dataclass(frozen=True)
class PhaseMeasure:
    """Two phases told apart by Otsu's threshold on the image smoothed by 1 px.

    Correlation length: the lag at which the radially averaged autocovariance of the phase indicator, divided
    by φ(1 − φ), first falls to 1/e (Debye's length for an exponential decay). Samples, one per field:
    ``phase_fraction``, ``pore_fraction`` (what is left of it), ``correlation_length_um``, ``pixels``.
    """

    kind: str = "phase"
    descriptors: Mapping[str, Descriptor] = field(default_factory=lambda: {d.name: d for d in _DESCRIPTORS})

    def measure(self, pixels: Image, pixel_size_um: float) -> FieldMeasurement:
        """Measure one field, see :class:`models.morphology.measures.Measure`."""
        smooth = ndimage.gaussian_filter(pixels, SMOOTHING_PX)
        bright = smooth > otsu(smooth)
        fraction = float(bright.mean())
        warnings: tuple[str, ...] = ()
        if not 0.0 < fraction < 1.0:
            fraction, length = float("nan"), float("nan")
            warnings = ("The field has no contrast, so its phases cannot be told apart.",)
        else:
            length = correlation_length(bright) * pixel_size_um
            between = fraction * (1 - fraction) * (smooth[bright].mean() - smooth[~bright].mean()) ** 2
            if between < SEPARABILITY * smooth.var():
                warnings = (
                    "The grey levels of the two phases overlap; the threshold between them is doubtful.",
                )
        samples = {
            "phase_fraction": np.array([fraction]),
            "pore_fraction": np.array([1.0 - fraction]),
            "correlation_length_um": np.array([length]),
            "pixels": np.array([float(pixels.size)]),
        }
        return FieldMeasurement(self.kind, samples, warnings, bright.astype(np.int32))

    def pool(self, fields: Sequence[FieldMeasurement]) -> dict[str, float]:
        """Means over the fields, by their numbers of pixels."""
        pooled = {}
        for name in self.descriptors:
            values = np.concatenate([f.samples[name] for f in fields]) if fields else np.empty(0)
            pixels = np.concatenate([f.samples["pixels"] for f in fields]) if fields else np.empty(0)
            good = np.isfinite(values)
            pooled[name] = (
                float(np.average(values[good], weights=pixels[good])) if good.any() else float("nan")
            )
        return pooled


def correlation_length(phase: NDArray[np.bool_]) -> float:
    """Lag in px at which the autocovariance of ``phase`` (H, W) falls to 1/e; NaN if it never does."""
    height, width = phase.shape
    reach = min(height, width) // 2
    shape = (fft.next_fast_len(height + reach), fft.next_fast_len(width + reach))
    centred = phase.astype(np.float32) - np.float32(phase.mean())
    spectrum = fft.rfft2(centred, shape)
    covariance = fft.irfft2(np.abs(spectrum) ** 2, shape)
    # Padding makes the correlation linear; each lag is averaged over the pairs that the field really has.
    rows = np.arange(reach)[:, None]
    columns = np.concatenate([np.arange(reach), np.arange(-reach + 1, 0)])[None, :]
    pairs = (height - rows) * (width - np.abs(columns))
    covariance = covariance[:reach][:, columns[0]] / pairs
    radius = np.rint(np.hypot(rows, columns)).astype(int)
    inside = radius < reach
    number = np.bincount(radius[inside], minlength=reach)
    profile = np.bincount(radius[inside], covariance[inside], minlength=reach) / np.maximum(number, 1)
    profile /= covariance[0, 0]
    below = np.flatnonzero(profile <= np.exp(-1.0))
    if below.size == 0:
        return float("nan")
    last = int(below[0])
    high, low = profile[last - 1], profile[last]
    return float(last - 1 + (high - np.exp(-1.0)) / (high - low))
