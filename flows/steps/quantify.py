"""Quantify: every field of view measured, and each descriptor pooled with its interval."""

from campaigns.ledger import ExperimentRecord, Measurement, Micrograph, State
from campaigns.report import overlay_path
from campaigns.specification import View
from flows.measuring import MeasuredField, intervals, measure_field
from flows.pictures import overlay
from flows.step import step
from flows.steps.image import fields_of
from flows.store import put_as, verify
from flows.worker import Worker

OVERLAYS = 2
"""Fields per magnification whose segmentation is kept as a picture."""


@step("quantify", State.IMAGED)
def quantify(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
    """Measure all fields of all views, and keep the values of this look."""
    looks = {one.look for one in worker.ledger.measurements(experiment.id, look="all")}
    look = max(looks, default=0) + 1
    imaging, units = worker.campaign.imaging, worker.record.units
    total = sum(len(fields_of(worker, experiment, view)) for view in imaging.views)
    worker.tell("quantify", f"{total} fields of view", experiment)
    measured: list[Measurement] = []
    done = 0
    for view in imaging.views:
        fields = []
        for place, micrograph in enumerate(fields_of(worker, experiment, view)):
            fields.append(_measured(worker, view, micrograph, pictured=place < OVERLAYS))
            done += 1
            worker.tell("quantify", f"{view.magnification:g}×", experiment, done, total)
        found = intervals(view, fields, imaging.confidence, imaging.target_error)
        measured += [Measurement(name, units.get(name, ""), one, look) for name, one in found.items()]
    with worker.ledger.together():
        worker.ledger.record_measurements(experiment.id, measured)
        return worker.move(experiment, State.QUANTIFIED, f"look {look}: {total} fields of view", fields=total)


def _measured(worker: Worker, view: View, micrograph: Micrograph, *, pictured: bool) -> MeasuredField:
    """One field as measured, from memory where this worker has measured it before."""
    known = worker.measured.get(micrograph.sha256)
    if known is not None:
        return known
    verify(micrograph.path, micrograph.sha256)
    pixels, found = measure_field(micrograph.path, view)
    if pictured:
        put_as(overlay(pixels, found.labels), overlay_path(micrograph))
    worker.measured[micrograph.sha256] = found.without_labels()
    return worker.measured[micrograph.sha256]
