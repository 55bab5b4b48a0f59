"""When a retraining is due: enough was measured since the last, predictions went astray, or time passed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from campaigns.ledger import ExperimentRecord, Ledger

LEAST_FOR_DRIFT = 3
"""Experiments with a prediction, at least, before predictions are said to go astray."""
ATTEMPT = "retraining"


@dataclass(frozen=True)
class Triggers:
    """Any one of these makes a retraining due; with none of them it always is.

    ``new_experiments`` accepted since the last attempt; ``drift``: the root mean square of (measured −
    predicted) in standard errors of both, over the last ``drift_over`` of them (1 is as good as promised);
    ``days`` since the last attempt.
    """

    new_experiments: int | None = None
    drift: float | None = None
    drift_over: int = 8
    days: float | None = None


def due(
    ledger: Ledger, accepted: Sequence[ExperimentRecord], triggers: Triggers, now: datetime
) -> tuple[bool, str]:
    """Whether a retraining is due, and why or why not, in words.

    What was tried before counts as an attempt even where the gate refused it: the same data would be refused
    again.
    """
    if triggers.new_experiments is None and triggers.drift is None and triggers.days is None:
        return True, "no trigger is set"
    last = last_attempt(ledger)
    new = [one for one in accepted if last is None or one.updated_at > last]
    said = []
    if triggers.new_experiments is not None:
        said.append(f"{len(new)} of {triggers.new_experiments} new experiments")
        if len(new) >= triggers.new_experiments:
            return True, f"{len(new)} experiments were accepted since {_since(last)}"
    if triggers.drift is not None:
        astray = drift(ledger, sorted(new, key=lambda one: one.updated_at)[-triggers.drift_over :])
        if astray is not None and astray > triggers.drift:
            return True, f"predictions are off by {astray:.2g} standard errors (at most {triggers.drift:g})"
        said.append("no prediction to judge by" if astray is None else f"predictions off by {astray:.2g}")
    if triggers.days is not None and new:
        # Without anything new there is nothing that time could have changed.
        begin = last or min(one.updated_at for one in new)
        passed = (now - datetime.fromisoformat(begin)).total_seconds() / 86400
        said.append(f"{passed:.1f} of {triggers.days:g} days")
        if passed >= triggers.days:
            return True, f"{passed:.1f} days passed since {_since(last)}"
    return False, f"not due since {_since(last)}: {', '.join(said)}"


def last_attempt(ledger: Ledger) -> str | None:
    """When a retraining was last tried (ISO, UTC)."""
    attempts = [
        use.at
        for record in ledger.campaigns()
        for use in ledger.model_uses(record.id)
        if use.action == "fine_tuned" and use.reason.startswith(f"{ATTEMPT},")
    ]
    return max(attempts, default=None)


def drift(ledger: Ledger, experiments: Sequence[ExperimentRecord]) -> float | None:
    """Root mean square of (measured − predicted) in standard errors of both; None for too few predictions."""
    squares: list[list[float]] = []
    for one in experiments:
        measured = {found.descriptor: found.interval for found in ledger.measurements(one.id)}
        errors = []
        for predicted in ledger.predictions(one.id):
            interval = measured.get(predicted.descriptor)
            if interval is None or math.isnan(interval.value):
                continue
            # Half a confidence interval is about two standard errors.
            spread = math.hypot(predicted.estimate.sd, (interval.high - interval.low) / 4)
            if math.isfinite(spread) and spread > 0:
                errors.append(((interval.value - predicted.estimate.mean) / spread) ** 2)
        if errors:
            squares.append(errors)
    if len(squares) < LEAST_FOR_DRIFT:
        return None
    return math.sqrt(fmean(fmean(errors) for errors in squares))


def _since(last: str | None) -> str:
    return "the beginning" if last is None else f"the last attempt on {last[:10]}"
