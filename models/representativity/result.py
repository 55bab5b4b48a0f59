"""The answer to: is the image large enough?"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Representativity:
    """Phase fraction of the material, how well the image tells it, and how large an image would have to be.

    ``integral_range_px`` is the side of the square (cube) that holds one independent sample; ``ci`` bounds
    the fraction at ``confidence``; ``abs_error`` is the interval's half width, ``rel_error`` that over the
    fraction; ``required_size_px`` is the side of one image whose relative error would be ``target_error``.
    NaN where the image cannot tell.
    """

    phase_fraction: float
    integral_range_px: float
    confidence: float
    ci: tuple[float, float]
    abs_error: float
    rel_error: float
    target_error: float
    required_size_px: float
    representative: bool
    method: str
    warnings: tuple[str, ...] = ()
