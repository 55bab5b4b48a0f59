"""Targets given as images: what reference micrographs show, by the code that measures the loop's own."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from models.errors import UnusableInput
from models.micrographs import find_images, read
from models.morphology import FieldMeasurement, measure_for, measure_of, quantify


def measure_references(
    paths: Sequence[Path], descriptors: Iterable[str] | None = None, *, pixel_size_um: float | None = None
) -> dict[str, float]:
    """Descriptors pooled over all fields of the images and folders in ``paths``, in their units.

    With ``descriptors``, those are measured on every image, whatever it seems to show. Without, each image
    counts for what it shows (particles or texture), and what is undefined is left out. Pixel size in µm where
    the files state none. Errors: :class:`UnusableInput` for unreadable images, or a wanted descriptor that
    cannot be measured on them.
    """
    fields = [micrograph for path in find_images(paths) for micrograph in read(path, pixel_size_um)]
    if descriptors is None:
        by_kind: dict[str, list[FieldMeasurement]] = {}
        for micrograph in fields:
            result = quantify(micrograph.pixels, micrograph.pixel_size_um)
            by_kind.setdefault(result.kind, []).append(result.field)
        pooled: dict[str, float] = {}
        for kind, measured in by_kind.items():
            pooled |= measure_of(kind).pool(measured)
        return {name: value for name, value in pooled.items() if math.isfinite(value)}
    wanted = list(descriptors)
    measures = {measure_for(name).kind: measure_for(name) for name in wanted}
    pooled = {}
    for measure in measures.values():
        pooled |= measure.pool([measure.measure(one.pixels, one.pixel_size_um) for one in fields])
    for name in wanted:
        if not math.isfinite(pooled[name]):
            shown = ", ".join(str(path) for path in paths)
            raise UnusableInput(
                f"{name} cannot be measured on the reference images ({shown}); give images that show it."
            )
    return {name: pooled[name] for name in wanted}
