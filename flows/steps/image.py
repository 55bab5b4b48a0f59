"""Image and ingest: fields of view from the microscope into the content-addressed store and the ledger."""

from collections.abc import Sequence
from pathlib import Path

from campaigns.ledger import ExperimentRecord, Micrograph, State
from campaigns.specification import View
from devices.errors import DeviceFault, NeedsPerson, SampleLost
from flows.gate import Gate
from flows.sharing import microscope
from flows.step import ExperimentLost, step
from flows.store import put
from flows.worker import AUTHOR, Worker

MOST_REJECTED = 5
"""Fields of one view of one experiment that may be replaced; more of them, and the sample is given up."""


@step("image", State.SYNTHESISED)
def image(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
    """Take the least number of fields at each magnification."""
    with microscope(worker, experiment) as sem:
        for view in worker.campaign.imaging.views:
            take_fields(worker, experiment, view, view.fields.min, sem)
    return worker.move(
        experiment,
        State.IMAGED,
        "the least number of fields is taken",
        fields=count_fields(worker, experiment),
    )


def take_fields(worker: Worker, experiment: ExperimentRecord, view: View, wanted: int, sem: str) -> None:
    """Have ``wanted`` fields at one magnification in all, by ``sem``; those in the ledger stay as they are.

    A field that cannot be measured is kept as evidence, and a further one is taken in its place. Errors:
    :class:`ExperimentLost` when too many of them cannot.
    """
    while (have := len(fields_of(worker, experiment, view))) < wanted:
        rejected = len(rejected_of(worker, experiment, view))
        if rejected > MOST_REJECTED:
            last = worker.ledger.history(worker.campaign_id, experiment.id)[-1].reason
            raise ExperimentLost(
                f"{rejected} fields at {view.magnification:g}× could not be measured, and at most "
                f"{MOST_REJECTED} are replaced; the last one: {last}"
            )
        first = have + rejected
        worker.tell("image", f"{view.magnification:g}×, fields {have + 1} to {wanted}", experiment)
        paths = _acquired(worker, experiment, view, first, wanted - have, sem)
        ingest(worker, experiment, view, first, paths)
        for path in paths:
            # The store has the bytes now.
            path.unlink(missing_ok=True)


def _acquired(
    worker: Worker, experiment: ExperimentRecord, view: View, first: int, fields: int, sem: str
) -> list[Path]:
    """The files of ``fields`` fields from number ``first`` on; a microscope that failed is asked again."""
    assert experiment.dispatch_key is not None
    folder, policy = worker.root / "acquired" / experiment.id, worker.campaign.failures.image
    for attempt in range(1, policy.retries + 2):
        try:
            return worker.laboratory.acquire(
                experiment.dispatch_key, view.magnification, fields, first, folder, sem
            )
        except SampleLost as lost:
            raise ExperimentLost(str(lost)) from lost
        except DeviceFault as fault:
            if attempt > policy.retries:
                raise NeedsPerson(
                    f"The microscope failed {attempt} times in a row, the last time because: "
                    f"{str(fault).rstrip('.')}; see to it and give the same command again."
                ) from fault
            worker.tell("image", f"again, because: {fault}", experiment)
            worker.pause_for(60.0 * policy.back_off * 2 ** (attempt - 1))
    raise AssertionError("unreachable")


def ingest(
    worker: Worker, experiment: ExperimentRecord, view: View, first: int, paths: Sequence[Path]
) -> None:
    """Put the files of the fields from number ``first`` on into the store and the ledger, fit or rejected."""
    gate = Gate(view, fields_of(worker, experiment, view))
    at = worker.laboratory.clock.iso()
    fit: list[Micrograph] = []
    rejected: list[tuple[Micrograph, str]] = []
    for field, (path, judged) in enumerate(zip(paths, gate.judge(paths, first), strict=True), start=first):
        stored = put(path, worker.root / "micrographs")
        size = judged.pixel_size_um
        one = Micrograph("measured", view.magnification, field, stored.path, stored.sha256, size, at)
        if not judged.reason:
            fit.append(one)
            continue
        worker.tell("image", f"field {field} rejected: {judged.reason}", experiment)
        rejected.append((one, judged.reason))
    with worker.ledger.together():
        worker.ledger.record_micrographs(experiment.id, fit)
        for one, reason in rejected:
            worker.ledger.reject_micrograph(experiment.id, one, author=AUTHOR, reason=reason)


def fields_of(worker: Worker, experiment: ExperimentRecord, view: View) -> tuple[Micrograph, ...]:
    """The measured fields of an experiment at one magnification, by number."""
    return worker.ledger.micrographs(experiment.id, kind="measured", magnification=view.magnification)


def rejected_of(worker: Worker, experiment: ExperimentRecord, view: View) -> tuple[Micrograph, ...]:
    """The fields of an experiment at one magnification that could not be measured."""
    return worker.ledger.micrographs(experiment.id, kind="rejected", magnification=view.magnification)


def count_fields(worker: Worker, experiment: ExperimentRecord) -> int:
    """All measured fields of an experiment."""
    return len(worker.ledger.micrographs(experiment.id, kind="measured"))
