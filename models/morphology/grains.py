"""The measure "grains": the mean lineal intercept of a polycrystal, after ASTM E112."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from models.morphology.basins import merged
from models.morphology.classical import otsu
from models.morphology.measures import Descriptor, FieldMeasurement, Floats, Image, Labels
from models.morphology.scaling import reduce_to, renumbered, resample_labels

WORKING_SIDE_PX = 960
BOUNDARY_PX = 2.0
"""SD of the filters that look for boundaries, at the working scale."""
LINES = 1.5
"""A line of one sign has weaker ones of the other beside it; a step has both alike."""
MERGE = 0.75
LEAST_STEP = 0.15
"""Of the SD of all greys, by which the faces of two grains differ at least."""
SMALLEST_GRAIN_PX = 50.0
ENOUGH_GRAINS = 50

_DESCRIPTORS = (
    Descriptor("grain_intercept_um", "µm", "mean lineal intercept: length of test lines per grain boundary"),
)


@dataclass(frozen=True)
class GrainMeasure:
    """Mean lineal intercept of grains told apart by dark lines, bright lines or steps of the grey level.

    Every row, column and diagonal of the image is a test line; the intercept is their length over the number
    of boundaries that they cross (the lineal intercept procedure of ASTM E112, whose grain size number is
    G = −6.644·log10(intercept in mm) − 3.288). Samples, one per direction: ``length_um``, ``crossings``.
    """

    kind: str = "grains"
    descriptors: Mapping[str, Descriptor] = field(default_factory=lambda: {d.name: d for d in _DESCRIPTORS})

    def measure(self, pixels: Image, pixel_size_um: float) -> FieldMeasurement:
        """Measure one field, see :class:`models.morphology.measures.Measure`."""
        labels = grains(pixels)
        length, crossings = intercepts(labels)
        number = int(labels.max(initial=0))
        warnings: tuple[str, ...] = ()
        if number < ENOUGH_GRAINS:
            warnings = (
                f"Too few grains for one field ({number}); ASTM E112 asks for {ENOUGH_GRAINS} and more.",
            )
        samples = {"length_um": length * pixel_size_um, "crossings": crossings}
        return FieldMeasurement(self.kind, samples, warnings, labels)

    def pool(self, fields: Sequence[FieldMeasurement]) -> dict[str, float]:
        """Length of all test lines over all crossings."""
        length, crossings = (sum(float(f.samples[name].sum()) for f in fields) for name in _SAMPLES)
        return {"grain_intercept_um": length / crossings if crossings else float("nan")}


_SAMPLES = ("length_um", "crossings")


def intercepts(labels: Labels) -> tuple[Floats, Floats]:
    """Length in px of the test lines along rows, columns and both diagonals, and the changes of label there.

    ``labels`` (H, W) number the grains and cover the whole field.
    """
    pairs = (
        (labels[:, 1:], labels[:, :-1], 1.0),
        (labels[1:], labels[:-1], 1.0),
        (labels[1:, 1:], labels[:-1, :-1], np.sqrt(2.0)),
        (labels[1:, :-1], labels[:-1, 1:], np.sqrt(2.0)),
    )
    length = np.array([one.size * step for one, _, step in pairs])
    return length, np.array([float((one != other).sum()) for one, other, _ in pairs])


def grains(pixels: Image) -> Labels:
    """Grains (H, W), 1…n and covering the field, of ``pixels`` (H, W) in [0, 1].

    Boundaries are dark lines (etched), bright lines, or steps of the grey level (channelling contrast),
    whichever the field shows.
    """
    working = reduce_to(pixels, max(1.0, max(pixels.shape) / WORKING_SIDE_PX))
    lines = _lines(working)
    labels = renumbered(_faces(working) if lines is None else _meshes(lines), SMALLEST_GRAIN_PX)
    if not labels.any():
        return np.ones(pixels.shape, np.int32)
    # What was too small to be a grain falls to its neighbours.
    nearest = ndimage.distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
    return resample_labels(labels[tuple(nearest)], (pixels.shape[0], pixels.shape[1]))


def _lines(pixels: Image) -> Floats | None:
    """How much each pixel (H, W) looks like a line, dark or bright; None where boundaries are steps."""
    rows, columns = (ndimage.gaussian_filter(pixels, BOUNDARY_PX, order) for order in ((2, 0), (0, 2)))
    mixed = ndimage.gaussian_filter(pixels, BOUNDARY_PX, (1, 1))
    mean, spread = 0.5 * (rows + columns), np.hypot(0.5 * (rows - columns), mixed)
    dark, bright = (np.asarray(np.maximum(one, 0.0), float) for one in (mean + spread, spread - mean))
    strong = [float(np.percentile(one, 97)) for one in (dark, bright)]
    if max(strong) < LINES * min(strong):
        return None
    return dark if strong[0] > strong[1] else bright


def _meshes(lines: Floats) -> Labels:
    """Grains (H, W) between lines; the watershed of the distance to them closes their gaps."""
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(lines <= otsu(lines)), 1.0)
    peak = (distance == ndimage.maximum_filter(distance, 7)) & (distance > BOUNDARY_PX)
    seeds, n = ndimage.label(peak, np.ones((3, 3)))
    if n == 0:
        return np.zeros(lines.shape, np.int32)
    basins = watershed(-distance, seeds).astype(np.int32)
    summits = np.zeros(n + 1)
    np.maximum.at(summits, seeds[peak], distance[peak])
    return np.asarray(merged(basins, distance, summits, MERGE)[basins])


def _faces(pixels: Image) -> Labels:
    """Grains (H, W) of nearly one grey each: basins of the gradient, joined where their means are alike."""
    step = ndimage.gaussian_gradient_magnitude(pixels, 1.25 * BOUNDARY_PX)
    low = (step == ndimage.minimum_filter(step, 9)) & (step < np.percentile(step, 30))
    seeds, n = ndimage.label(low, np.ones((3, 3)))
    if n == 0:
        return np.zeros(pixels.shape, np.int32)
    basins = watershed(step, seeds).astype(np.int32)
    apart = LEAST_STEP * float(ndimage.gaussian_filter(pixels, BOUNDARY_PX).std())
    return _joined(basins, pixels, apart)


def _joined(basins: Labels, pixels: Image, apart: float) -> Labels:
    """``basins`` (H, W) with neighbours joined, the most alike first, whose mean greys are not ``apart``."""
    n = int(basins.max())
    area = np.bincount(basins.ravel(), minlength=n + 1).astype(float)
    grey = np.bincount(basins.ravel(), pixels.ravel(), minlength=n + 1)
    neighbours: list[set[int]] = [set() for _ in range(n + 1)]
    for one, other in ((basins[1:], basins[:-1]), (basins[:, 1:], basins[:, :-1])):
        touch = one != other
        for a, b in np.unique(np.stack([one[touch], other[touch]], axis=1), axis=0).tolist():
            neighbours[a].add(b)
            neighbours[b].add(a)

    def difference(a: int, b: int) -> float:
        return abs(float(grey[a] / area[a] - grey[b] / area[b]))

    parent = np.arange(n + 1)
    heap = [(difference(a, b), a, b) for a in range(n + 1) for b in neighbours[a] if a < b]
    heapify(heap)
    while heap:
        gap, a, b = heappop(heap)
        if gap > apart:
            break
        # Entries of basins that have grown since are out of date; newer ones are in the heap.
        if parent[a] != a or parent[b] != b or gap != difference(a, b):
            continue
        parent[b] = a
        area[a], grey[a] = area[a] + area[b], grey[a] + grey[b]
        neighbours[a] = (neighbours[a] | neighbours[b]) - {a, b}
        for c in neighbours[a]:
            neighbours[c] = (neighbours[c] - {b}) | {a}
            heappush(heap, (difference(a, c), min(a, c), max(a, c)))
    while (parent[parent] != parent).any():
        parent = parent[parent]
    return np.asarray(parent[basins], np.int32)
