"""Decisions of the loop, as pure functions of what was measured: no clock, no database, no devices.

- met or missed: ``verdict`` · ``verdicts`` · ``discrepancy`` (relative, signed) · ``distance`` (weighted,
in scales)
- enough seen: ``fields_wanted`` (at one magnification) · ``fields_wanted_by_view``
- stop or go on: ``judge`` → ``Judgement(status, reason)`` from the outcomes so far
- learning: ``held_out`` · ``fine_tune_due``
"""

from campaigns.decisions.comparison import (
    Outcome,
    Verdict,
    accepted_band,
    discrepancy,
    distance,
    verdict,
    verdicts,
)
from campaigns.decisions.fields import FieldsWanted, fields_wanted
from campaigns.decisions.intervals import fields_for_half_width, half_width, is_narrow
from campaigns.decisions.learning import fine_tune_due, held_out
from campaigns.decisions.stopping import ExperimentOutcome, Judgement, Next, Spent, judge
from campaigns.decisions.views import fields_wanted_by_view

__all__ = [
    "ExperimentOutcome",
    "FieldsWanted",
    "Judgement",
    "Next",
    "Outcome",
    "Spent",
    "Verdict",
    "accepted_band",
    "discrepancy",
    "distance",
    "fields_for_half_width",
    "fields_wanted",
    "fields_wanted_by_view",
    "fine_tune_due",
    "half_width",
    "held_out",
    "is_narrow",
    "judge",
    "verdict",
    "verdicts",
]
