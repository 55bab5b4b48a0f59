"""Circular autocovariance of a phase indicator at short lags."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from models.representativity.indicator import Indicator

Lags = NDArray[np.float32]


class Covariance:
    """Autocovariance C(r) of an indicator at lags |r_i| ≤ ``reach`` = half the shortest side.

    One real transform; the power spectrum is real, so its inverse along the first axis is one too, and along
    the others only the rows asked for are transformed back. Lags of the half space r_0 ≥ 0 stand for both ±r.
    """

    def __init__(self, image: Indicator) -> None:
        self.shape = image.shape
        self.reach = min(self.shape) // 2
        self.fraction = float(image.mean(dtype=np.float64))
        spectrum = fft.rfftn(image.astype(np.float32) - np.float32(self.fraction), overwrite_x=True)
        power = spectrum.real**2
        power += spectrum.imag**2
        power *= np.float32(1 / image.size)
        # The conjugate half of the first axis follows from symmetry; sign and reflection do not matter for
        # power.
        self._half = fft.rfft(power, axis=0, overwrite_x=True)
        self._half *= np.float32(1 / self.shape[0])
        self._held = -1
        self._lags: Lags = np.empty(0, np.float32)

    def within(self, radius: int) -> tuple[Lags, NDArray[np.int32]]:
        """C and squared lag of lags within ``radius`` along each axis, those of the half space."""
        reach = self._reach(radius)
        if reach > self._held:
            self._lags, self._held = self._inverse(reach), reach
        inner = slice(self._held - reach, self._held + reach + 1)
        lags = self._lags[(slice(reach + 1), *(inner,) * (len(self.shape) - 1))]
        return lags, _squares(reach, len(self.shape))

    def overlaps(self, radius: int) -> Lags:
        """Π (1 − |r_i|/n_i) at the lags that :meth:`within` gives."""
        reach = self._reach(radius)
        product = np.ones((), np.float32)
        for axis, side in enumerate(self.shape):
            lag = np.arange(0 if axis == 0 else -reach, reach + 1)
            product = product[..., None] * (1 - np.abs(lag) / side).astype(np.float32)
        return product

    def _reach(self, radius: int) -> int:
        return int(min(self.reach, max(radius, 0)))

    def _inverse(self, reach: int) -> Lags:
        part = self._half[: reach + 1]
        if len(self.shape) == 3:
            part = _around_zero(fft.ifft(part, axis=1), reach, axis=1)
        rows = fft.irfft(part, n=self.shape[-1], axis=-1)
        return np.asarray(_around_zero(rows, reach, axis=-1), np.float32)


def over_both_halves(values: NDArray[Any], where: NDArray[np.bool_]) -> float:
    """Sum ``where`` true over the half space and its mirror image; lags with r_0 = 0 lie in both."""
    return 2 * _sum(values, where) - _sum(values[0], where[0])


def _sum(values: NDArray[Any], where: NDArray[np.bool_]) -> float:
    if values.dtype == bool:
        return float(np.count_nonzero(values & where))
    return float(values[where].sum(dtype=np.float64))


def _around_zero(values: NDArray[np.generic], reach: int, axis: int) -> NDArray[np.generic]:
    """Entries −reach…reach of a periodic axis."""
    return values.take(np.arange(-reach, reach + 1), axis=axis, mode="wrap")


def _squares(reach: int, dimensions: int) -> NDArray[np.int32]:
    along = np.arange(-reach, reach + 1, dtype=np.int32) ** 2
    square = np.arange(reach + 1, dtype=np.int32) ** 2
    for _ in range(dimensions - 1):
        square = square[..., None] + along
    return square
