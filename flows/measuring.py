"""From stored micrographs to descriptors with intervals, through the same code that measures any image."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from campaigns.specification import View
from models.errors import UnusableInput
from models.micrographs import read
from models.morphology import FieldMeasurement, Measure, measure_for, segmenter
from models.morphology.particles import ParticleMeasure
from models.representativity import descriptor_intervals
from models.values import Interval


@dataclass(frozen=True)
class MeasuredField:
    """One field of view as measured: one :class:`FieldMeasurement` for each kind of measure of its view."""

    measurements: Mapping[str, FieldMeasurement]

    @property
    def labels(self) -> NDArray[np.int32] | None:
        """What was segmented, (H, W), 0 = background; None where no measure segments."""
        return next((one.labels for one in self.measurements.values() if one.labels is not None), None)

    def without_labels(self) -> "MeasuredField":
        """The same numbers without the labels, which are as large as the image."""
        return MeasuredField({kind: replace(one, labels=None) for kind, one in self.measurements.items()})


def measures_of(view: View) -> dict[str, Measure]:
    """The measures that a view needs for its descriptors, by kind, with the segmenter that it asks for."""
    return {
        measure.kind: _particles(view.segmenter, view.checkpoint)
        if isinstance(measure, ParticleMeasure)
        else measure
        for measure in map(measure_for, view.descriptors)
    }


@functools.cache
def _particles(name: str, checkpoint: Path | None) -> Measure:
    """Kept, since a segmenter with weights takes long to load."""
    return ParticleMeasure(segmenter(name, checkpoint))


def measure_field(path: Path, view: View) -> tuple[NDArray[np.float32], MeasuredField]:
    """The pixels of one stored micrograph, and what every measure of its view finds in them.

    Errors: :class:`UnusableInput` when the file is not one page, or has no pixel size.
    """
    pages = read(path)
    if len(pages) != 1:
        raise UnusableInput(f"{path} has {len(pages)} pages, expected one field of view per file.")
    (micrograph,) = pages
    found = {
        kind: measure.measure(micrograph.pixels, micrograph.pixel_size_um)
        for kind, measure in measures_of(view).items()
    }
    return micrograph.pixels, MeasuredField(found)


def intervals(
    view: View, fields: Sequence[MeasuredField], confidence: float, target_error: float
) -> dict[str, Interval]:
    """The pooled value of each descriptor of a view over its fields, with its interval."""
    found: dict[str, Interval] = {}
    for kind, measure in measures_of(view).items():
        names = [name for name in view.descriptors if name in measure.descriptors]
        measurements = [field.measurements[kind] for field in fields]
        found.update(descriptor_intervals(measurements, confidence, target_error, only=names))
    return {name: found[name] for name in view.descriptors if name in found}
