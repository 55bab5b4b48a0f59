"""The measure "particles": sizes and sphericity of whole secondary particles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.morphology.contours import outlines
from models.morphology.measures import Descriptor, FieldMeasurement, Floats, Image, Labels
from models.morphology.scaling import reduce_to, resample_labels
from models.morphology.segmenters import Segmenter
from models.morphology.segmenters import segmenter as segmenter_named
from models.morphology.sizes import frame_weights, weighted_huber, weighted_quantile
from models.morphology.standing import Standing, standings, touching

SPHERICITY_FROM_PX = 13.0
SURE_SPHERICITY_PX = 25.0
FREE_OUTLINE = 0.01
"""Largest share of the outline that may touch others where sphericity is taken."""
UNRESOLVED_SHARE = 0.5
TYPICAL_DIAMETER_PX = 45.0
SMALL_DIAMETER_PX = 24.0

_DESCRIPTORS = (
    Descriptor("d10_um", "µm", "number-weighted 10 % quantile of the equivalent-circle diameter"),
    Descriptor("d50_um", "µm", "number-weighted median of the equivalent-circle diameter"),
    Descriptor("d90_um", "µm", "number-weighted 90 % quantile of the equivalent-circle diameter"),
    Descriptor("span", "", "width of the size distribution, (D90 − D10)/D50"),
    Descriptor("d10_volume_um", "µm", "volume-weighted 10 % quantile of the diameter"),
    Descriptor("d50_volume_um", "µm", "volume-weighted median diameter, as laser diffraction gives it"),
    Descriptor("d90_volume_um", "µm", "volume-weighted 90 % quantile of the diameter"),
    Descriptor("span_volume", "", "width of the volume-weighted size distribution, (D90 − D10)/D50"),
    Descriptor("sphericity_mean", "", "mean of 4πA/P² of the projected outlines"),
    Descriptor("sphericity_sd", "", "standard deviation of 4πA/P² between particles"),
)


@dataclass(frozen=True)
class ParticleMeasure:
    """Sizes and shapes of particles that lie wholly inside the frame.

    Samples per particle: ``diameter_um``, ``sphericity`` (NaN below 13 px, and for all where many are below),
    ``weight`` (Miles–Lantuéjoul: large particles are less often whole), ``label``. Particles cut by the
    frame, and those of whose outline more than a quarter is a border with another particle (occluded), are
    segmented but not measured. ``touching_limit``: largest such share of the outline of a particle whose
    sphericity counts: by default, sphericity is that of particles which lie free, since an outline is
    uncertain where it touches another, and the few values that stand far out (two particles taken for one)
    are drawn in (``docs/quantification.md`` has the figures).
    """

    segmenter: Segmenter = field(default_factory=segmenter_named)
    touching_limit: float = FREE_OUTLINE
    kind: str = "particles"
    descriptors: Mapping[str, Descriptor] = field(default_factory=lambda: {d.name: d for d in _DESCRIPTORS})

    def measure(self, pixels: Image, pixel_size_um: float) -> FieldMeasurement:
        """Measure one field, see :class:`models.morphology.measures.Measure`."""
        labels = self.segmenter.segment(pixels)
        standing = standings(labels)
        # Labels need not be consecutive.
        present = np.bincount(labels.ravel(), minlength=len(standing) + 1)[1:] > 0
        cut, hidden = (int((standing == one).sum()) for one in (Standing.CUT, Standing.HIDDEN))
        whole = np.flatnonzero((standing == Standing.WHOLE) & present) + 1
        coarse, coarse_labels, factor = at_measuring_scale(pixels, labels)
        traced = outlines(coarse, coarse_labels, whole)
        good = np.isfinite(traced.diameter) & (traced.diameter > 0)
        diameter = traced.diameter[good]
        shape = np.where(diameter >= SPHERICITY_FROM_PX, np.minimum(traced.sphericity[good], 1.0), np.nan)
        if np.isnan(shape).sum() > UNRESOLVED_SHARE * len(shape):
            # The few that are large enough would stand for all, and large ones have a shape of their own.
            shape = np.full_like(shape, np.nan)
        remarks = _remarks(diameter * factor, shape, cut, hidden)
        free = touching(labels)[whole[good] - 1] <= self.touching_limit
        if np.isfinite(shape).any() and not (free & np.isfinite(shape)).any():
            remarks += ("No particle lies free of others, so there is no sphericity.",)
        shape[~free] = np.nan
        samples = {
            "diameter_um": diameter * (factor * pixel_size_um),
            "sphericity": shape,
            "weight": frame_weights(traced.extent[good], (coarse.shape[0], coarse.shape[1])),
            "label": whole[good].astype(float),
        }
        return FieldMeasurement(self.kind, samples, remarks, labels)

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
        mean, sd = weighted_huber(sphericity[shaped], weight[shaped])
        v10, v50, v90 = (float(q) for q in weighted_quantile(diameter, weight * diameter**3, [0.1, 0.5, 0.9]))
        return {
            "d10_um": d10,
            "d50_um": d50,
            "d90_um": d90,
            "span": (d90 - d10) / d50,
            "d10_volume_um": v10,
            "d50_volume_um": v50,
            "d90_volume_um": v90,
            "span_volume": (v90 - v10) / v50,
            "sphericity_mean": mean,
            "sphericity_sd": sd,
        }


def at_measuring_scale(pixels: Image, labels: Labels) -> tuple[Image, Labels, float]:
    """Image and labels reduced until particles are about 45 px across, and how many times they were.

    One scale for all fields, so that the same material gives the same shape at any magnification, and noise
    is averaged before edges are placed.
    """
    factor = measuring_factor(labels)
    if factor <= 1.0:
        return pixels, labels, 1.0
    coarse = reduce_to(pixels, factor)
    coarse_labels = resample_labels(labels, (coarse.shape[0], coarse.shape[1]))
    return coarse, coarse_labels, float(np.sqrt(pixels.size / coarse.size))


def measuring_factor(labels: Labels) -> float:
    """How many times (≥ 1) a field of these particles is reduced before their outlines are placed."""
    sizes = np.bincount(labels.ravel())[1:]
    sizes = sizes[sizes > 0]
    if sizes.size == 0:
        return 1.0
    diameters = 2 * np.sqrt(sizes / np.pi)
    typical, small = float(np.median(diameters)), float(np.quantile(diameters, 0.1))
    return max(1.0, min(typical / TYPICAL_DIAMETER_PX, small / SMALL_DIAMETER_PX))


def _remarks(diameters_px: Floats, sphericity: Floats, cut: int, hidden: int) -> tuple[str, ...]:
    remarks = []
    if len(diameters_px) == 0:
        remarks.append("No whole particle was found.")
    elif np.isnan(sphericity).all():
        remarks.append(
            f"The particles are {np.median(diameters_px):.0f} px across; "
            f"sphericity needs {SPHERICITY_FROM_PX:.0f} px."
        )
    elif np.median(diameters_px) < SURE_SPHERICITY_PX:
        remarks.append(
            f"The particles are {np.median(diameters_px):.0f} px across; "
            f"under {SURE_SPHERICITY_PX:.0f} px sphericity is up to 0.01 too high."
        )
    if hidden:
        remarks.append(f"Left out as partly hidden by others: {hidden} of the particles.")
    if len(diameters_px) and cut > 2 * len(diameters_px):
        remarks.append("Most particles are cut by the frame; use a lower magnification.")
    return tuple(remarks)
