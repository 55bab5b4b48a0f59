"""Enough at every magnification: the decision of :mod:`campaigns.decisions.fields` for each view."""

from collections.abc import Mapping, Sequence

from campaigns.decisions.comparison import Outcome, verdicts
from campaigns.decisions.fields import FieldsWanted, fields_wanted
from campaigns.specification import Imaging
from models.values import Interval, Target


def fields_wanted_by_view(
    imaging: Imaging,
    targets: Sequence[Target],
    intervals: Mapping[str, Interval],
    *,
    have: Sequence[int],
    before: Mapping[str, Interval] | None = None,
) -> list[FieldsWanted]:
    """What to do next at each of the views of ``imaging``, given the intervals after ``have`` fields there.

    ``before`` holds of each descriptor the interval of the last look that had fewer fields, if there was one:
    a look at another magnification tells nothing new.
    """
    wanted = []
    for view, fields in zip(imaging.views, have, strict=True):
        here = [one for one in targets if one.descriptor in view.descriptors]
        elsewhere = [one for one in targets if one not in here]
        missed = (one.outcome for one in verdicts(elsewhere, intervals, may_look_again=True))
        wanted.append(
            fields_wanted(
                here,
                intervals,
                have=fields,
                least=view.fields.min,
                most=view.fields.max,
                target_error=imaging.target_error,
                before=before,
                missed_elsewhere=Outcome.MISSED in missed,
            )
        )
    return wanted
