"""Circular autocovariance of a phase indicator at short lags."""

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

    def within(self, radius: int) -> tuple[Lags, NDArray[np.int32], Lags]:
        """C, squared lag, and multiplicity (1 or 2) of lags within ``radius`` along each axis (at least)."""
        reach = self._reach(radius)
        if reach > self._held:
            self._lags, self._held = self._inverse(reach), reach
        square = _squares(self._held, len(self.shape))
        both = np.full((self._held + 1,) + (1,) * (len(self.shape) - 1), 2.0, np.float32)
        both[0] = 1.0
        return self._lags, square, both

    def overlaps(self, radius: int) -> NDArray[np.float64]:
        """Π (1 − |r_i|/n_i) at the lags that :meth:`within` gives."""
        reach = max(self._reach(radius), self._held)
        product = np.ones((1,) * len(self.shape))
        for axis, side in enumerate(self.shape):
            lag = np.arange(0 if axis == 0 else -reach, reach + 1)
            along = [1] * len(self.shape)
            along[axis] = -1
            product = product * (1 - np.abs(lag) / side).reshape(along)
        return product

    def _reach(self, radius: int) -> int:
        return int(min(self.reach, max(radius, 0)))

    def _inverse(self, reach: int) -> Lags:
        part = self._half[: reach + 1]
        if len(self.shape) == 3:
            part = _around_zero(fft.ifft(part, axis=1), reach, axis=1)
        rows = fft.irfft(part, n=self.shape[-1], axis=-1)
        return np.asarray(_around_zero(rows, reach, axis=-1), np.float32)


def _around_zero(values: NDArray[np.generic], reach: int, axis: int) -> NDArray[np.generic]:
    """Entries −reach…reach of a periodic axis."""
    return values.take(np.arange(-reach, reach + 1), axis=axis, mode="wrap")


def _squares(reach: int, dimensions: int) -> NDArray[np.int32]:
    along = np.arange(-reach, reach + 1, dtype=np.int32) ** 2
    square = np.arange(reach + 1, dtype=np.int32) ** 2
    for _ in range(dimensions - 1):
        square = square[..., None] + along
    return square
