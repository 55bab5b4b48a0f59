"""One call from an image to its descriptors: `segment` and `quantify`."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import UnusableInput
from models.micrographs.bar import information_bar
from models.micrographs.greyscale import to_grey
from models.morphology.measures import FieldMeasurement, Image, Labels, Measure, measure_of
from models.morphology.particles import ParticleMeasure
from models.morphology.segmenters import DEFAULT, Segmenter, segmenter
from models.morphology.trust import distrust

PARTICLES_FOR_AUTO = 3
SPHERICITY_FOR_AUTO = 0.6


@dataclass(frozen=True)
class MorphologyResult:
    """What one image yielded: descriptors by name in the units they declare (NaN if undefined).

    ``labels`` (H, W) has the size of the image that came in, its information bar included as background.
    """

    kind: str
    pixel_size_um: float
    descriptors: Mapping[str, float]
    field: FieldMeasurement
    warnings: tuple[str, ...]
    labels: Labels | None = dataclasses.field(default=None, repr=False)

    @property
    def n_particles(self) -> int:
        """Number of particles measured (regions, for other kinds)."""
        return self.field.n


def segment(
    image: NDArray[Any], pixel_size_um: float | None = None, segmenter_name: str = DEFAULT
) -> NDArray[np.int32]:
    """Label the particles of an image.

    ``image`` (H, W) or (H, W, 3 or 4), uint8, uint16 or float; the result is (H, W), 0 = background (the
    information bar too), 1…n particles. The segmenter finds its own scale, so ``pixel_size_um`` is not
    needed. Errors: :class:`UnusableInput` for an image that is empty, not finite or of another shape.
    """
    pixels, height = _field(image)
    return _padded(segmenter(segmenter_name).segment(pixels), height)


def quantify(
    image: NDArray[Any],
    pixel_size_um: float,
    kind: str = "auto",
    segmenter: str | Segmenter = DEFAULT,
    sam_checkpoint: Path | None = None,
) -> MorphologyResult:
    """Measure one image: its particles, its texture or its phases.

    ``image`` (H, W) or (H, W, 3 or 4), uint8, uint16 or float. ``kind`` is a measure's name, or ``auto``:
    particles where at least three whole, roundish ones are seen, else texture. ``segmenter`` is a name or a
    :class:`Segmenter`. A field that is blank, saturated, charged or out of focus says so in the warnings.
    Errors: :class:`UnusableInput`.
    """
    if not np.isfinite(pixel_size_um) or pixel_size_um <= 0:
        raise UnusableInput(f"The pixel size must be a positive number of µm; got {pixel_size_um}.")
    pixels, height = _field(image)
    chosen, found = measured(pixels, pixel_size_um, kind, _particle_measure(segmenter, sam_checkpoint))
    labels = None if found.labels is None else _padded(found.labels, height)
    reason = distrust(pixels, pixel_size_um, found)
    warnings = found.warnings if reason is None else (*found.warnings, f"Not to be trusted: {reason}.")
    return MorphologyResult(found.kind, pixel_size_um, chosen.pool([found]), found, warnings, labels)


def measured(
    pixels: Image, pixel_size_um: float, kind: str, particles: Measure
) -> tuple[Measure, FieldMeasurement]:
    """Measure a field whose bar is cut; ``particles`` is the measure of particles to use."""
    if kind not in ("auto", "particles"):
        measure = measure_of(kind)
        return measure, measure.measure(pixels, pixel_size_um)
    found = particles.measure(pixels, pixel_size_um)
    if kind == "particles" or shows_particles(found):
        return particles, found
    texture = measure_of("texture")
    return texture, texture.measure(pixels, pixel_size_um)


def shows_particles(found: FieldMeasurement) -> bool:
    """Whether a field shows whole particles rather than the surface of one."""
    sphericity = found.samples["sphericity"]
    round_ones = sphericity[np.isfinite(sphericity)]
    return len(round_ones) >= PARTICLES_FOR_AUTO and bool(np.median(round_ones) >= SPHERICITY_FOR_AUTO)


def _particle_measure(chosen: str | Segmenter, checkpoint: Path | None) -> Measure:
    if isinstance(chosen, str):
        return ParticleMeasure(segmenter(chosen, checkpoint))
    return ParticleMeasure(chosen)


def _field(image: NDArray[Any]) -> tuple[Image, int]:
    """The field without its information bar, and the height of the whole image."""
    pixels = to_grey(np.asarray(image))
    return pixels[: information_bar(pixels)], pixels.shape[0]


def _padded(labels: Labels, height: int) -> Labels:
    return np.pad(labels, ((0, height - labels.shape[0]), (0, 0)))
