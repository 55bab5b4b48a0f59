"""One call for both estimators of representativity."""

from collections.abc import Sequence
from typing import Literal

from numpy.typing import ArrayLike

from models.errors import UnusableInput
from models.representativity.calibrated import calibrated
from models.representativity.indicator import indicators
from models.representativity.published import published
from models.representativity.result import Representativity


def estimate(
    image: ArrayLike | Sequence[ArrayLike],
    confidence: float = 0.95,
    target_error: float = 0.05,
    method: Literal["calibrated", "imagerep"] = "calibrated",
    phase: float | None = None,
) -> Representativity:
    """How well an image tells the phase fraction of its material, and how large it would have to be.

    ``image`` is a segmented image (2-D), a volume (3-D) or a list of either (fields of one material); two
    values, or ``phase`` names the value meant. ``target_error`` is relative. ``method`` "calibrated" is ours,
    whose intervals hold what they promise; "imagerep" gives the published numbers of Dahari et al., arXiv
    2410.19568. Errors: :class:`UnusableInput` (a ValueError).
    """
    if not 0 < confidence < 1:
        raise UnusableInput(f"The confidence must lie between 0 and 1, as 0.95; got {confidence:g}.")
    if not target_error > 0:
        raise UnusableInput(f"The target error must be positive, as 0.05 for 5 %; got {target_error:g}.")
    if method not in ("calibrated", "imagerep"):
        raise UnusableInput(f"There is no method {method!r}; choose calibrated or imagerep.")
    images = indicators(image, phase)
    return (calibrated if method == "calibrated" else published)(images, confidence, target_error)
