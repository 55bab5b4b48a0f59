"""From what a user gives to phase indicators: 0/1 arrays of one dimensionality, checked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import UnusableInput

Indicator = NDArray[np.uint8]
SMALLEST_SIDE_PX = 24


def indicators(image: ArrayLike | Sequence[ArrayLike], phase: float | None = None) -> list[Indicator]:
    """Indicators (uint8, 0 or 1) of one phase in an image (2-D), a volume (3-D) or a list of either.

    ``phase`` is the pixel value of the phase; without it the images must hold two values and the larger is
    meant. Errors: :class:`UnusableInput` for no image, mixed or other dimensions, a side under 24 px, NaN,
    grey images.
    """
    given = list(image) if isinstance(image, list | tuple) else [image]
    if not given:
        raise UnusableInput("No image was given; expected one, or a list of at least one.")
    arrays = [np.asarray(one) for one in given]
    for array in arrays:
        _check(array)
    if len({array.ndim for array in arrays}) > 1:
        raise UnusableInput("The stack mixes images and volumes; give either 2-D or 3-D arrays.")
    if phase is not None:
        if not any((array == phase).any() for array in arrays):
            raise UnusableInput(f"No pixel has the value {phase:g}; {_values(arrays)}.")
        return [np.ascontiguousarray(array == phase).view(np.uint8) for array in arrays]
    if all(array.dtype == bool for array in arrays):
        return [np.ascontiguousarray(array).view(np.uint8) for array in arrays]
    low = min(array.min() for array in arrays)
    high = max(array.max() for array in arrays)
    if all(array.dtype == np.uint8 for array in arrays) and high <= 1:
        return [np.ascontiguousarray(array) for array in arrays]
    for array in arrays:
        if not ((array == low) | (array == high)).all():
            raise UnusableInput(
                f"The image is not segmented into two phases ({_values(arrays)}); name a phase."
            )
    # A single value other than 0 is a phase that fills the image.
    return [np.ascontiguousarray((array == high) & (high != 0 or low < 0)).view(np.uint8) for array in arrays]


def _check(array: NDArray[Any]) -> None:
    if array.ndim not in (2, 3):
        raise UnusableInput(f"An image has the shape {array.shape}; expected 2-D images or 3-D volumes.")
    if min(array.shape) < SMALLEST_SIDE_PX:
        hint = "; give a stack as a list of 2-D images" if array.ndim == 3 else ""
        raise UnusableInput(
            f"An image has the shape {array.shape}; "
            f"every side must have at least {SMALLEST_SIDE_PX} px{hint}."
        )
    if array.dtype.kind not in "biuf":
        raise UnusableInput(f"An image holds {array.dtype} values; expected numbers.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UnusableInput("An image holds NaN or infinite pixels; segment it without them.")


def _values(arrays: list[NDArray[Any]]) -> str:
    values = np.unique(np.concatenate([np.unique(array) for array in arrays]))
    if values.size <= 8:
        return "its values are " + ", ".join(f"{value:g}" for value in values)
    return f"it holds {values.size} different values"
