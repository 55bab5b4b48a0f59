"""How wide an interval is, how far its width may be trusted, and how many fields a narrower one takes."""

import math
from dataclasses import replace

from models.values import Interval

NO_TELLING = 0
"""Instead of a number of fields, where none is in sight."""

MOST_FIELDS = 10_000


def half_width(interval: Interval) -> float:
    """The longer side of an interval, in the descriptor's unit."""
    return max(interval.high - interval.value, interval.value - interval.low)


def is_finite(interval: Interval | None) -> bool:
    """Whether there is an interval with a value and two ends."""
    return interval is not None and all(
        math.isfinite(number) for number in (interval.value, interval.low, interval.high)
    )


def is_narrow(interval: Interval | None, target_error: float) -> bool:
    """Whether an interval's half width is at most ``target_error`` of its value."""
    if interval is None or not is_finite(interval):
        return False
    return half_width(interval) <= target_error * abs(interval.value) * (1 + 1e-9)


def at_limit_of_spread(interval: Interval, chance: float) -> Interval:
    """The interval as it would be if the spread between fields were at a confidence limit of itself.

    ``chance`` is the probability that the true spread lies below that limit: 0.8 stretches the interval, the
    more the fewer its fields are, 0.1 shrinks it. The spread of few fields is rough: of four it is known to
    a factor of 1.7 up, at 80 %.
    """
    from scipy.stats import chi2

    if interval.n_fields < 2:
        return interval
    freedom = interval.n_fields - 1
    factor = math.sqrt(freedom / float(chi2.ppf(1 - chance, freedom)))
    return replace(
        interval,
        low=interval.value - factor * (interval.value - interval.low),
        high=interval.value + factor * (interval.high - interval.value),
    )


def fields_for_half_width(have: int, half: float, wanted: float, confidence: float) -> int:
    """Fields in all for a half width of ``wanted``, when ``have`` fields gave ``half`` (0: none in sight).

    K = min{K : t(K−1) · s / √K ≤ wanted} with s = half · √have / t(have−1), t being Student's quantile at the
    confidence: the field-to-field spread stays, the number of fields grows.
    """
    from scipy.stats import t

    if have < 2 or not math.isfinite(half) or wanted <= 0:
        return NO_TELLING
    if half <= wanted:
        return have
    level = (1 + confidence) / 2
    spread = half * math.sqrt(have) / float(t.ppf(level, have - 1))

    def wide(count: int) -> bool:
        return float(t.ppf(level, count - 1)) * spread / math.sqrt(count) > wanted

    if wide(MOST_FIELDS):
        return NO_TELLING
    low, high = have, MOST_FIELDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if wide(middle) else (low, middle)
    return high
