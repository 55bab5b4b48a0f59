"""From stored micrographs to descriptors with intervals, through the same code that measures any image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from campaigns.specification import View
from models.errors import UnusableInput
from models.micrographs import read
from models.morphology import FieldMeasurement, Measure, measure_for
from models.representativity import descriptor_intervals
from models.values import Interval


@dataclass(frozen=True)
class MeasuredField:
    """One field of view as measured: one :class:`FieldMeasurement` for each kind of measure of its view."""

    measurements: Mapping[str, FieldMeasurement]
    overlay: bytes

    @property
    def warnings(self) -> tuple[str, ...]:
        """Everything that the measures had to say, each once."""
        return tuple(dict.fromkeys(w for one in self.measurements.values() for w in one.warnings))


def measures_of(view: View) -> dict[str, Measure]:
    """The measures that a view needs for its descriptors, by kind."""
    return {measure.kind: measure for measure in map(measure_for, view.descriptors)}


def measure_field(path: Path, view: View) -> MeasuredField:
    """Measure one stored micrograph with every measure of its view.

    Errors: :class:`UnusableInput` when the file is not one page, or has no pixel size.
    """
    from flows.pictures import overlay

    pages = read(path)
    if len(pages) != 1:
        raise UnusableInput(f"{path} has {len(pages)} pages, expected one field of view per file.")
    (micrograph,) = pages
    found = {
        kind: measure.measure(micrograph.pixels, micrograph.pixel_size_um)
        for kind, measure in measures_of(view).items()
    }
    labels = next((one.labels for one in found.values() if one.labels is not None), None)
    return MeasuredField(found, overlay(micrograph.pixels, labels))


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
