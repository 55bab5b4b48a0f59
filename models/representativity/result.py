"""The answer to: is the image large enough?"""

from collections.abc import Callable
from dataclasses import dataclass

MOST_FIELDS = 10_000


@dataclass(frozen=True)
class Representativity:
    """Phase fraction of the material, how well the image tells it, and how large an image would have to be.

    ``integral_range_px`` is the side of the square (cube) that holds one independent sample, and
    ``effective_samples`` how many of them there are; ``ci`` bounds the fraction at ``confidence``;
    ``abs_error`` is the interval's half width, ``rel_error`` that over the fraction; ``required_size_px`` is
    the side of one image whose relative error would be ``target_error``; ``further_fields`` is how many more
    images like the ``n_fields`` given would bring them there together (0: they are enough; None: it can't be
    told, or over 10,000). NaN where the image cannot tell.
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
    effective_samples: float = float("nan")
    n_fields: int = 1
    further_fields: int | None = None


def further_fields(have: int, half: float, wanted: float, quantile: Callable[[int], float]) -> int | None:
    """Further fields until a half width of ``wanted``, when ``have`` gave ``half``; None beyond 10,000.

    The error falls with one over the root of the number of fields, and ``quantile(fields)``, that of
    Student's t at the confidence asked, falls with it.
    """
    if half <= wanted:
        return 0
    spread = half / quantile(have) * have**0.5
    # Without the falling quantile it would be this many: enough for sure.
    enough = have * (half / wanted) ** 2
    if not enough <= MOST_FIELDS:
        return None
    few, many = have, int(enough) + 1
    while many - few > 1:
        middle = (few + many) // 2
        if quantile(middle) * spread <= wanted * middle**0.5:
            many = middle
        else:
            few = middle
    return many - have
