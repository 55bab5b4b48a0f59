"""The measure "particles": sizes and sphericity of whole secondary particles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.morphology.classical import ClassicalSegmenter
from models.morphology.contours import POINTS, measure_outlines, outline
from models.morphology.measures import Descriptor, FieldMeasurement, Floats, Image, Labels
from models.morphology.segmenters import Segmenter
from models.morphology.sizes import frame_weights, weighted_mean_sd, weighted_quantile

SPHERICITY_FROM_PX = 25.0
SHARED_OUTLINE_LIMIT = 0.25
MARGIN_PX = 6

_DESCRIPTORS = (
    Descriptor("d10_um", "µm", "number-weighted 10 % quantile of the equivalent-circle diameter"),
    Descriptor("d50_um", "µm", "number-weighted median of the equivalent-circle diameter"),
    Descriptor("d90_um", "µm", "number-weighted 90 % quantile of the equivalent-circle diameter"),
    Descriptor("span", "", "width of the size distribution, (D90 − D10)/D50"),
    Descriptor("d50_volume_um", "µm", "volume-weighted median diameter, as laser diffraction gives it"),
    Descriptor("sphericity_mean", "", "mean of 4πA/P² of the projected outlines"),
    Descriptor("sphericity_sd", "", "standard deviation of 4πA/P² between particles"),
)


@dataclass(frozen=True)
class ParticleMeasure:
    """Sizes and shapes of particles that lie wholly inside the frame.

    Samples per particle: ``diameter_um``, ``sphericity`` (NaN below 25 px, where it is biased), ``weight``
    (Miles–Lantuéjoul: large particles are less often whole). Particles cut by the frame, and those of whose
    outline more than a quarter is a border with another particle (occluded), are segmented but not measured.
    """

    segmenter: Segmenter = field(default_factory=ClassicalSegmenter)
    kind: str = "particles"
    descriptors: Mapping[str, Descriptor] = field(default_factory=lambda: {d.name: d for d in _DESCRIPTORS})

    def measure(self, pixels: Image, pixel_size_um: float) -> FieldMeasurement:
        """Measure one field, see :class:`models.morphology.measures.Measure`."""
        labels = self.segmenter.segment(pixels)
        whole, cut, hidden = _whole_particles(labels)
        outlines = measure_outlines(_outlines(labels, whole))
        diameter = outlines.diameter
        sphericity = np.where(diameter >= SPHERICITY_FROM_PX, outlines.sphericity, np.nan)
        good = np.isfinite(diameter) & (diameter > 0)
        shape = (labels.shape[0], labels.shape[1])
        samples = {
            "diameter_um": diameter[good] * pixel_size_um,
            "sphericity": sphericity[good],
            "weight": frame_weights(outlines.extent[good], shape),
        }
        return FieldMeasurement(self.kind, samples, _remarks(samples, cut, hidden), labels)

    def pool(self, fields: Sequence[FieldMeasurement]) -> dict[str, float]:
        """Descriptors over the particles of all fields together."""
        nan = dict.fromkeys(self.descriptors, float("nan"))
        if not fields:
            return nan
        diameter, sphericity, weight = (
            np.concatenate([f.samples[name] for f in fields])
            for name in ("diameter_um", "sphericity", "weight")
        )
        if diameter.size == 0:
            return nan
        d10, d50, d90 = (float(q) for q in weighted_quantile(diameter, weight, [0.1, 0.5, 0.9]))
        shaped = np.isfinite(sphericity)
        mean, sd = weighted_mean_sd(sphericity[shaped], weight[shaped])
        volume = float(weighted_quantile(diameter, weight * diameter**3, 0.5)[0])
        return {
            "d10_um": d10,
            "d50_um": d50,
            "d90_um": d90,
            "span": (d90 - d10) / d50,
            "d50_volume_um": volume,
            "sphericity_mean": mean,
            "sphericity_sd": sd,
        }


def _whole_particles(labels: Labels) -> tuple[NDArray[np.int64], int, int]:
    """Labels of particles that can be measured, the number cut by the frame, and that occluded by others."""
    n = int(labels.max(initial=0))
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    cut = np.zeros(n + 1, bool)
    cut[edge] = True
    outer = np.zeros(n + 1)
    shared = np.zeros(n + 1)
    for axis in (0, 1):
        line = np.moveaxis(labels, axis, 0)
        step = line[1:] != line[:-1]
        a, b = line[1:][step], line[:-1][step]
        both = (a > 0) & (b > 0)
        for side in (a, b):
            outer += np.bincount(side, minlength=n + 1)
            shared += np.bincount(side[both], minlength=n + 1)
    hidden = (shared > SHARED_OUTLINE_LIMIT * outer) & ~cut
    cut[0] = hidden[0] = False
    whole = np.flatnonzero(~cut & ~hidden & (outer > 0))
    return whole[whole > 0], int(cut.sum()), int(hidden.sum())


def _outlines(labels: Labels, whole: NDArray[np.int64]) -> NDArray[np.complex128]:
    """Outlines (n, 128) of the particles ``whole``, in px of the image."""
    points = np.full((len(whole), POINTS), np.nan + 0j)
    boxes = ndimage.find_objects(labels)
    for row, label in enumerate(whole):
        rows, columns = boxes[label - 1]
        mask = np.pad(labels[rows, columns] == label, MARGIN_PX)
        points[row] = outline(mask) + (columns.start - MARGIN_PX) + 1j * (rows.start - MARGIN_PX)
    return points


def _remarks(samples: Mapping[str, Floats], cut: int, hidden: int) -> tuple[str, ...]:
    remarks = []
    diameters, sphericity = samples["diameter_um"], samples["sphericity"]
    if len(diameters) == 0:
        remarks.append("No whole particle was found.")
    elif np.isnan(sphericity).any():
        small = int(np.isnan(sphericity).sum())
        remarks.append(
            f"{small} of {len(diameters)} particles are under 25 px across; they have no sphericity."
        )
    if hidden:
        remarks.append(f"{hidden} particles are partly hidden by others and were left out.")
    if len(diameters) and cut > 2 * len(diameters):
        remarks.append("Most particles are cut by the frame; use a lower magnification.")
    return tuple(remarks)
