"""Quantify: every field of view measured, and each descriptor pooled with its interval."""

import math

from campaigns.ledger import ExperimentRecord, Measurement, Micrograph, State
from campaigns.report import overlay_path
from campaigns.specification import View
from flows.measuring import MeasuredField, intervals, measure_field
from flows.pictures import overlay
from flows.step import step
from flows.steps.image import fields_of
from flows.store import put_as, verify
from flows.worker import Worker
from models.values import Interval

OVERLAYS = 2
"""Fields per magnification whose segmentation is kept as a picture."""


@step("quantify", State.IMAGED)
def quantify(worker: Worker, experiment: ExperimentRecord) -> ExperimentRecord:
    """Measure all fields of all views, and keep the values of this look."""
    look, total, measured = looked(worker, experiment)
    with worker.ledger.together():
        worker.ledger.record_measurements(experiment.id, measured)
        return worker.move(experiment, State.QUANTIFIED, f"look {look}: {total} fields of view", fields=total)


def looked(worker: Worker, experiment: ExperimentRecord) -> tuple[int, int, list[Measurement]]:
    """A new look at the fields that there are: its number, how many fields, and each descriptor.

    Of a view without a field the descriptors are not known.
    """
    looks = {one.look for one in worker.ledger.measurements(experiment.id, look="all")}
    look = max(looks, default=0) + 1
    imaging, units = worker.campaign.imaging, worker.record.units
    there = [(view, fields_of(worker, experiment, view)) for view in imaging.views]
    total = sum(len(micrographs) for _, micrographs in there)
    worker.tell("quantify", f"{total} fields of view", experiment)
    measured: list[Measurement] = []
    done = 0
    for view, micrographs in there:
        fields = []
        for place, micrograph in enumerate(micrographs):
            fields.append(_measured(worker, view, micrograph, pictured=place < OVERLAYS))
            done += 1
            worker.tell("quantify", f"{view.magnification:g}×", experiment, done, total)
        nothing = Interval(math.nan, math.nan, math.nan, imaging.confidence, 0, 0)
        found = dict.fromkeys(view.descriptors, nothing)
        if fields:
            found = intervals(view, fields, imaging.confidence, imaging.target_error)
        measured += [Measurement(name, units.get(name, ""), one, look) for name, one in found.items()]
    return look, total, measured


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
