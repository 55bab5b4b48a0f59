"""Representativity of every phase of an image with several."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from models.errors import UnusableInput
from models.representativity.estimation import estimate
from models.representativity.result import Representativity

MOST_PHASES = 16


def estimate_phases(
    image: ArrayLike | Sequence[ArrayLike],
    confidence: float = 0.95,
    target_error: float = 0.05,
    method: Literal["calibrated", "imagerep"] = "calibrated",
) -> dict[float, Representativity]:
    """Representativity of each phase by its pixel value, of an image whose labels are phases.

    All intervals together hold with ``confidence``: with K > 2 phases each is made for 1 − (1 − confidence)/K
    (Bonferroni), which its own ``confidence`` says; of two phases one interval is the other's mirror.
    Errors: :class:`UnusableInput`, also for more than 16 values, which is a grey image.
    """
    given = image if isinstance(image, list | tuple) else [image]
    arrays = [np.asarray(one) for one in given]
    if any(array.dtype.kind not in "biuf" for array in arrays):
        raise UnusableInput(f"An image holds {arrays[0].dtype} values; expected numbers.")
    values = np.unique(np.concatenate([np.unique(array) for array in arrays])) if arrays else np.empty(0)
    # NaN is left to the check of each image, which names it.
    labels = [float(value) for value in values if np.isfinite(value)] or [0.0]
    if len(labels) > MOST_PHASES:
        raise UnusableInput(
            f"The image is not segmented: it holds {len(labels)} different values, phases are at most "
            f"{MOST_PHASES}."
        )
    each = confidence if len(labels) <= 2 else 1 - (1 - confidence) / len(labels)
    return {label: estimate(arrays, each, target_error, method, phase=label) for label in labels}
