"""What the laboratory has measured, as the learning models see it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import ndtri

from models.values import Conditions, Estimate, Interval

_UNKNOWN_RELATIVE_SD = (
    0.05  # for a value without a usable interval (one field of view): a typical field-to-field SD
)


@dataclass(frozen=True)
class Observation:
    """One measured experiment: its conditions and each descriptor with its uncertainty.

    ``pending``: it is under way, and ``measured`` is what is predicted of it, taken for true so that the next
    proposals learn something else (the "Kriging believer" of Ginsbourger et al., in *Computational
    Intelligence in Expensive Optimization Problems*, 2010, ch. 6); empty where nothing could be predicted.
    """

    conditions: Conditions
    measured: Mapping[str, Interval | Estimate]
    pending: bool = False

    def estimate(self, descriptor: str) -> Estimate | None:
        """The measured value with its standard error, in the descriptor's unit; None if not measured.

        An interval is read as normal at its confidence. One without finite, distinct bounds gets 5 % of the
        value.
        """
        measured = self.measured.get(descriptor)
        if isinstance(measured, Estimate):
            value, sd = measured.mean, measured.sd
        elif isinstance(measured, Interval):
            value = measured.value
            sd = (measured.high - measured.low) / (2 * float(ndtri(0.5 + measured.confidence / 2)))
        else:
            return None
        if not math.isfinite(value):
            return None
        if not (math.isfinite(sd) and sd > 0):
            sd = _UNKNOWN_RELATIVE_SD * abs(value)
        return Estimate(value, sd)
