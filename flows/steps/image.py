"""Image and ingest: fields of view from the microscope into the content-addressed store and the ledger."""

from campaigns.ledger import ExperimentRecord, Micrograph, State
from campaigns.specification import View
from flows.step import step
from flows.store import put
from flows.worker import Worker
from models.micrographs import read


@step("image", State.SYNTHESISED)
def image(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
    """Take the least number of fields at each magnification."""
    for view in worker.campaign.imaging.views:
        take_fields(worker, experiment, view, view.fields.min)
    return worker.move(
        experiment,
        State.IMAGED,
        "the least number of fields is taken",
        fields=count_fields(worker, experiment),
    )


def take_fields(worker: Worker, experiment: ExperimentRecord, view: View, wanted: int) -> None:
    """Have ``wanted`` fields at one magnification in all; those in the ledger are not taken again."""
    have = len(fields_of(worker, experiment, view))
    if have >= wanted:
        return
    worker.tell("image", f"{view.magnification:g}×, fields {have + 1} to {wanted}", experiment)
    assert experiment.dispatch_key is not None
    folder = worker.root / "acquired" / experiment.id
    paths = worker.laboratory.acquire(
        experiment.dispatch_key, view.magnification, wanted - have, have, folder
    )
    ingested = []
    for field, path in enumerate(paths, start=have):
        (page,) = read(path)  # a file that cannot be read, or has no scale, does not enter the store
        stored = put(path, worker.root / "micrographs")
        ingested.append(
            Micrograph(
                "measured",
                view.magnification,
                field,
                stored.path,
                stored.sha256,
                page.pixel_size_um,
                worker.laboratory.clock.iso(),
            )
        )
    worker.ledger.record_micrographs(experiment.id, ingested)
    for path in paths:
        # The store has the bytes now.
        path.unlink(missing_ok=True)


def fields_of(worker: Worker, experiment: ExperimentRecord, view: View) -> tuple[Micrograph, ...]:
    """The measured fields of an experiment at one magnification, by number."""
    return worker.ledger.micrographs(experiment.id, kind="measured", magnification=view.magnification)


def count_fields(worker: Worker, experiment: ExperimentRecord) -> int:
    """All measured fields of an experiment."""
    return len(worker.ledger.micrographs(experiment.id, kind="measured"))
