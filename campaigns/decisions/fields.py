"""Enough, more fields of view, or no use: the decision at one magnification after each look."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from campaigns.decisions.comparison import Outcome, Verdict, verdict, verdicts
from campaigns.decisions.intervals import (
    NO_TELLING,
    at_limit_of_spread,
    fields_for_half_width,
    half_width,
    is_finite,
    is_narrow,
)
from models.values import Interval, Target

SPARE = 0.8
"""A first look is enough if it still were with the spread at this upper confidence limit."""

HOPE = 0.1
"""Nothing is hoped for if it were out of reach even with the spread at this lower confidence limit."""


class Decision(StrEnum):
    """What to do with the images of one magnification."""

    ACCEPT = "accept"
    MORE = "take more fields"
    REJECT = "reject"


@dataclass(frozen=True)
class FieldsWanted:
    """What to do next at one magnification.

    ``more`` fields are to be taken (0: enough, or no more allowed, or no use). ``representative`` says
    whether the images are enough for each target seen here: its interval is narrow, or tells met from
    missed. ``verdicts`` are final where ``more`` is 0.
    """

    more: int
    representative: bool
    reason: str
    verdicts: tuple[Verdict, ...]

    @property
    def decision(self) -> Decision:
        """Accept the images, take ``more`` fields, or reject them as not representative."""
        if self.more:
            return Decision.MORE
        return Decision.ACCEPT if self.representative else Decision.REJECT


@dataclass(frozen=True)
class _Seen:
    """One target after a look: the interval, and that of the look before."""

    target: Target
    verdict: Verdict
    interval: Interval | None
    before: Interval | None

    @property
    def is_told(self) -> bool:
        """Met or missed, twice in a row or with room to spare."""
        if self.verdict.outcome is Outcome.UNDECIDED or self.interval is None:
            return False
        return any(
            verdict(self.target, other, may_look_again=True).outcome is self.verdict.outcome
            for other in (self.before, at_limit_of_spread(self.interval, SPARE))
            if other is not None
        )

    def is_narrow(self, target_error: float) -> bool:
        """Narrow, twice in a row or with room to spare."""
        if self.interval is None or not is_narrow(self.interval, target_error):
            return False
        stretched = at_limit_of_spread(self.interval, SPARE)
        return is_narrow(self.before, target_error) or is_narrow(stretched, target_error)

    def fields_to_tell(self, have: int) -> int:
        """Fields in all until met is told from missed; one more look where only that is wanting."""
        return have + 1 if self.verdict.outcome is not Outcome.UNDECIDED else self.verdict.fields_to_tell

    def fields_to_narrow(self, target_error: float, *, at_best: bool = False) -> int:
        """Fields in all until the interval is narrow, as the spread looks or, ``at_best``, may turn out."""
        if self.interval is None or not is_finite(self.interval):
            return NO_TELLING
        interval = at_limit_of_spread(self.interval, HOPE) if at_best else self.interval
        wanted = target_error * abs(interval.value)
        return fields_for_half_width(interval.n_fields, half_width(interval), wanted, interval.confidence)


def fields_wanted(
    targets: Sequence[Target],
    intervals: Mapping[str, Interval],
    *,
    have: int,
    least: int,
    most: int,
    target_error: float,
    before: Mapping[str, Interval] | None = None,
    missed_elsewhere: bool = False,
) -> FieldsWanted:
    """More fields at one magnification, given the intervals after ``have`` of them.

    ``targets`` are those seen at this magnification, ``least`` and ``most`` its numbers of fields,
    ``target_error`` the half width, relative to the value, at which an interval counts as narrow; ``before``
    are the intervals of the look before this one.

    More are wanted while a target is undecided. Once one is surely missed (here, or ``missed_elsewhere``: at
    another magnification), the experiment cannot meet its targets any more; then an undecided descriptor is
    worth fields only until its interval is narrow, because the loop learns from it, and none if that is out
    of reach even should the spread turn out at the lower end of what the fields leave open.

    Whoever looks again and again until an interval pleases is pleased by chance: what a look tells counts
    when the look before told the same, or when there is room to spare. Half of what seems to be missing is
    taken at a time, because the estimate of it is rough (a plan made once from few fields falls short about
    half of the time).
    """
    found = verdicts(targets, intervals, may_look_again=True)
    final = verdicts(targets, intervals, may_look_again=False)
    if have < least:
        return FieldsWanted(least - have, False, f"{have} of at least {least} fields are taken.", found)
    seen = [
        _Seen(target, one, intervals.get(one.descriptor), (before or {}).get(one.descriptor))
        for target, one in zip(targets, found, strict=True)
    ]
    unclear = [one for one in seen if one.verdict.outcome is Outcome.UNDECIDED]
    representative = all(is_narrow(one.interval, target_error) for one in unclear)
    surely_missed = missed_elsewhere or any(
        one.verdict.outcome is Outcome.MISSED and one.is_told for one in seen
    )
    still_open = [one for one in seen if not one.is_told]
    if surely_missed:
        still_open = [one for one in still_open if one in unclear and not one.is_narrow(target_error)]
    if not still_open:
        return FieldsWanted(0, representative, f"{have} fields tell all that is asked of them.", final)
    names = ", ".join(one.target.descriptor for one in still_open)
    if have >= most:
        return FieldsWanted(0, representative, f"{names} stayed open after all {have} fields.", final)
    if surely_missed:
        out_of_reach = [one for one in still_open if _exceeds(one, target_error, most)]
        if out_of_reach:
            hopeless = ", ".join(one.target.descriptor for one in out_of_reach)
            reason = f"{hopeless} would take more than the {most} fields allowed to be known better."
            return FieldsWanted(0, representative, reason, final)
    needed = max(
        one.fields_to_narrow(target_error) if surely_missed else one.fields_to_tell(have)
        for one in still_open
    )
    reason = f"{names} can't be told yet from {have} fields"
    if needed > most:
        reason += f" and would take about {needed}, more than the {most} allowed, if nothing changed"
    more = min(most - have, math.ceil(max(needed - have, 2) / 2))
    return FieldsWanted(more, representative, f"{reason}.", found)


def _exceeds(one: _Seen, target_error: float, most: int) -> bool:
    """Whether a narrow interval takes more fields than allowed, even with luck."""
    if one.interval is None or not is_finite(one.interval):
        return False
    needed = one.fields_to_narrow(target_error, at_best=True)
    return needed == NO_TELLING or needed > most
