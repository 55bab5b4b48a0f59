"""Representative? More fields of view while they can tell something; then compare with the target."""

from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.decisions import FieldsWanted, fields_wanted_by_view
from campaigns.ledger import ExperimentRecord, Measurement, State
from campaigns.specification import View
from flows.sharing import microscope
from flows.step import step
from flows.steps.image import count_fields, fields_of, take_fields
from flows.worker import Worker
from models.values import Interval


@dataclass(frozen=True)
class Look:
    """One view after a look: its targets, and how many more fields it wants."""

    view: View
    have: int
    wanted: FieldsWanted


@step("representative?", State.QUANTIFIED)
def judge(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
    """Take more fields where the images are not enough (back to imaged), or accept the measurement."""
    looks = looks_of(worker, experiment)
    allowed = _fields_left(worker)
    if any(look.wanted.more for look in looks) and allowed != 0:
        with microscope(worker, experiment) as sem:
            for look in looks:
                more = look.wanted.more if allowed is None else min(look.wanted.more, allowed)
                if more > 0:
                    worker.tell("representative?", look.wanted.reason, experiment)
                    take_fields(worker, experiment, look.view, look.have + more, sem)
                    allowed = None if allowed is None else allowed - more
    fields = count_fields(worker, experiment)
    if fields > sum(look.have for look in looks):
        reasons = " ".join(look.wanted.reason for look in looks if look.wanted.more)
        return worker.move(experiment, State.IMAGED, f"more fields: {reasons}", fields=fields)
    representative = all(look.wanted.representative for look in looks)
    found = [one for look in looks for one in look.wanted.verdicts]
    reason = " ".join(one.reason for one in found)
    worker.tell("compare", reason, experiment)
    return worker.move(
        experiment,
        State.ACCEPTED,
        reason,
        fields=fields,
        representative=representative,
        verdicts={one.descriptor: str(one.outcome) for one in found},
    )


def looks_of(worker: Worker, experiment: ExperimentRecord) -> list[Look]:
    """Each view after the newest look."""
    imaging = worker.campaign.imaging
    measured, before = _last_two(worker.ledger.measurements(experiment.id, look="all"))
    have = [len(fields_of(worker, experiment, view)) for view in imaging.views]
    wanted = fields_wanted_by_view(imaging, worker.record.targets, measured, have=have, before=before)
    return [Look(*one) for one in zip(imaging.views, have, wanted, strict=True)]


def _last_two(measurements: Sequence[Measurement]) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """The newest interval of each descriptor, and the newest of fewer fields: a look may add none to it."""
    newest: dict[str, Interval] = {}
    before: dict[str, Interval] = {}
    for one in sorted(measurements, key=lambda one: one.look):
        last = newest.get(one.descriptor)
        if last is not None and last.n_fields < one.interval.n_fields:
            before[one.descriptor] = last
        newest[one.descriptor] = one.interval
    return newest, before


def _fields_left(worker: Worker) -> int | None:
    """Fields that the budget still allows; None without such a limit."""
    limit = worker.campaign.budget.fields
    if limit is None:
        return None
    return max(0, limit - sum(count_fields(worker, one) for one in worker.experiments()))
