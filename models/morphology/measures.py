"""Descriptors and the measures that yield them; campaigns name descriptors, plug-ins may add more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.errors import UnusableInput

ENTRY_POINT_GROUP = "morpholoop.descriptors"

Floats = NDArray[np.float64]
Image = NDArray[np.float32]
Labels = NDArray[np.int32]


@dataclass(frozen=True)
class Descriptor:
    """One number that describes a microstructure.

    ``positive`` descriptors are compared and averaged on a logarithmic scale.
    """

    name: str
    unit: str
    meaning: str
    positive: bool = True


@dataclass(frozen=True)
class FieldMeasurement:
    """What one field of view yielded, before pooling.

    ``samples`` are arrays of equal length (one entry per particle, region or field) in the units of the
    measure; ``labels`` is (H, W) with 0 = background, where the measure segments: particles, grains, regions
    of surface, or the bright phase as 1.
    """

    kind: str
    samples: Mapping[str, Floats]
    warnings: tuple[str, ...] = ()
    labels: Labels | None = field(default=None, repr=False, compare=False)

    @property
    def n(self) -> int:
        """Number of samples (particles, regions) in the field."""
        return min((len(values) for values in self.samples.values()), default=0)


@runtime_checkable
class Measure(Protocol):
    """Turns fields of view into descriptors; plug-ins are entry points of ``morpholoop.descriptors``."""

    @property
    def kind(self) -> str:
        """Name of the measure, e.g. ``particles``."""
        ...

    @property
    def descriptors(self) -> Mapping[str, Descriptor]:
        """The descriptors it yields, by name."""
        ...

    def measure(self, pixels: Image, pixel_size_um: float) -> FieldMeasurement:
        """Measure one field: ``pixels`` (H, W) in [0, 1] without information bar, pixel size in µm."""
        ...

    def pool(self, fields: Sequence[FieldMeasurement]) -> dict[str, float]:
        """Condition-level value of each descriptor over fields; NaN where undefined."""
        ...


@cache
def all_measures() -> Mapping[str, Measure]:
    """All measures by kind: the built-in ones and installed plug-ins.

    Errors: :class:`UnusableInput` when a plug-in does not load, is no measure, or takes a name already given.
    """
    from models.morphology.grains import GrainMeasure
    from models.morphology.particles import ParticleMeasure
    from models.morphology.phase import PhaseMeasure
    from models.morphology.texture import TextureMeasure

    shipped: tuple[Measure, ...] = (ParticleMeasure(), TextureMeasure(), PhaseMeasure(), GrainMeasure())
    found = {measure.kind: measure for measure in shipped}
    owner = {name: kind for kind, measure in found.items() for name in measure.descriptors}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            loaded = entry.load()
            measure = loaded() if isinstance(loaded, type) else loaded
        # Somebody else's code is run here, and may raise anything.
        except Exception as error:
            raise UnusableInput(
                f"The measure plug-in {entry.name!r} ({entry.value}) does not load ({error}); "
                "reinstall or remove the package that brings it."
            ) from error
        if not isinstance(measure, Measure):
            raise UnusableInput(
                f"The measure plug-in {entry.name!r} ({entry.value}) is a {type(measure).__name__}, expected "
                "an object with kind, descriptors, measure and pool."
            )
        taken = [name for name in measure.descriptors if name in owner]
        if measure.kind in found or taken:
            raise UnusableInput(
                f"The measure plug-in {entry.name!r} claims the kind {measure.kind!r} and the descriptors "
                f"{taken}, which exist already; rename them in the plug-in."
            )
        found[measure.kind] = measure
        owner.update(dict.fromkeys(measure.descriptors, measure.kind))
    return found


def measure_of(kind: str) -> Measure:
    """The measure of a kind. Errors: :class:`UnusableInput` naming the kinds there are."""
    known = all_measures()
    if kind not in known:
        raise UnusableInput(
            f"There is no measure of kind {kind!r}; choose one of {', '.join(sorted(known))}."
        )
    return known[kind]


def measure_for(descriptor: str) -> Measure:
    """The measure that yields a descriptor. Errors: :class:`UnusableInput` naming those there are."""
    for measure in all_measures().values():
        if descriptor in measure.descriptors:
            return measure
    raise UnusableInput(
        f"No measure yields the descriptor {descriptor!r}; "
        f"known are {', '.join(sorted(known_descriptors()))}."
    )


def known_descriptors() -> Mapping[str, Descriptor]:
    """Every descriptor that an installed measure yields, by name."""
    return {name: d for measure in all_measures().values() for name, d in measure.descriptors.items()}
