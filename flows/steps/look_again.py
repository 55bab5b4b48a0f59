"""Look again: what a person left out after an experiment was judged counts no more for what follows."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from campaigns.ledger import ExperimentRecord, State
from flows.progress import warn
from flows.steps.image import count_fields, fields_of
from flows.steps.judge import looks_of
from flows.steps.quantify import looked
from flows.worker import AUTHOR, Worker
from models.errors import UnusableInput


def look_again(worker: Worker) -> None:
    """Measure every experiment anew that lost a field to a person since it was judged.

    Where an image is damaged or gone, that is said, and what was measured before stays.
    """
    for experiment in outdated(worker):
        try:
            measure_again(worker, experiment)
        except UnusableInput as error:
            warn(
                f"Experiment {experiment.index} could not be measured anew without what was left out: {error}"
            )


def outdated(worker: Worker) -> list[ExperimentRecord]:
    """The experiments whose last look saw other than the fields that count now, by their number.

    By number and not by order: a field may have been left out while the look was under way.
    """
    touched: set[str | None] = set()
    seen: dict[str | None, object] = {}
    for row in worker.ledger.history(worker.campaign_id):
        if "rejected_field" in row.facts:
            touched.add(row.experiment_id)
        elif "look" in row.facts or (row.from_state, row.to_state) == (State.IMAGED, State.QUANTIFIED):
            seen[row.experiment_id] = row.facts.get("fields")
    return [
        one
        for one in worker.accepted()
        if one.id in touched and seen.get(one.id) != count_fields(worker, one)
    ]


@task(name="look again", cache_policy=NO_CACHE, persist_result=False)
def measure_again(worker: Worker, experiment: ExperimentRecord) -> None:
    """A further look at the fields that are left; what none is left for is not known any more."""
    look, total, measured = looked(worker, experiment)
    views = worker.campaign.imaging.views
    bare = [view for view in views if not fields_of(worker, experiment, view)]
    with worker.ledger.together():
        worker.ledger.record_measurements(experiment.id, measured)
        whole = not bare and all(one.wanted.representative for one in looks_of(worker, experiment))
        where = ", ".join(f"{view.magnification:g}×" for view in bare)
        worker.ledger.note_look(
            experiment.id,
            look,
            fields=total,
            representative=whole,
            author=AUTHOR,
            reason=f"look {look}: {total} fields of view are left" + (f", none at {where}" if bare else ""),
            lease=worker.lease,
        )
    worker.tell("look again", f"{total} fields of view are left", experiment)
