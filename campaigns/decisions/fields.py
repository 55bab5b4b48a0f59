"""How many more fields of view to take at one magnification."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaigns.decisions.comparison import Outcome, Verdict, verdicts
from campaigns.decisions.intervals import (
    NO_TELLING,
    fields_for_half_width,
    half_width,
    is_finite,
    is_narrow,
)
from models.values import Interval, Target


@dataclass(frozen=True)
class FieldsWanted:
    """What to do next at one magnification.

    ``more`` fields are to be taken (0: enough, or no more allowed). ``representative`` says whether the
    images are enough for each target seen here: its interval is narrow, or tells met from missed.
    ``verdicts`` are final where ``more`` is 0.
    """

    more: int
    representative: bool
    reason: str
    verdicts: tuple[Verdict, ...]


def fields_wanted(
    targets: Sequence[Target],
    intervals: Mapping[str, Interval],
    *,
    have: int,
    least: int,
    most: int,
    target_error: float,
    missed_elsewhere: bool = False,
) -> FieldsWanted:
    """More fields at one magnification, given the intervals after ``have`` of them.

    ``targets`` are those seen at this magnification, ``least`` and ``most`` its numbers of fields,
    ``target_error`` the half width, relative to the value, at which an interval counts as narrow.

    More are wanted while a target is undecided. Once one is surely missed (here, or ``missed_elsewhere``: at
    another magnification), the experiment cannot meet its targets any more; then an undecided descriptor is
    worth fields only until its interval is narrow, because the loop learns from it.

    Half of what seems to be missing is taken at a time, because the estimate of it is rough
    (a plan made once from few fields falls short about half of the time).
    """
    found = verdicts(targets, intervals, may_look_again=True)
    final = verdicts(targets, intervals, may_look_again=False)
    if have < least:
        return FieldsWanted(least - have, False, f"{have} of at least {least} fields are taken.", found)
    undecided = [one for one in found if one.outcome is Outcome.UNDECIDED]
    wide = [one for one in undecided if not is_narrow(intervals.get(one.descriptor), target_error)]
    surely_missed = missed_elsewhere or any(one.outcome is Outcome.MISSED for one in found)
    still_open = wide if surely_missed else undecided
    if not still_open:
        return FieldsWanted(0, not wide, f"{have} fields tell all that is asked of them.", final)
    names = ", ".join(one.descriptor for one in still_open)
    if have >= most:
        return FieldsWanted(0, not wide, f"{names} stayed open after all {have} fields.", final)
    needed = [_needed(one, intervals.get(one.descriptor), target_error, surely_missed) for one in still_open]
    missing = max(max(needed) - have, 2)
    more = min(most - have, math.ceil(missing / 2))
    return FieldsWanted(more, not wide, f"{names} can't be told yet from {have} fields.", found)


def _needed(open_one: Verdict, interval: Interval | None, target_error: float, surely_missed: bool) -> int:
    """Fields in all for one open descriptor: until it is told, or narrow if that is all that is wanted."""
    if interval is None or not is_finite(interval):
        return NO_TELLING
    if not surely_missed:
        return open_one.fields_to_tell
    wanted = target_error * abs(interval.value)
    return fields_for_half_width(interval.n_fields, half_width(interval), wanted, interval.confidence)
