"""The generator as a predictor: imagine micrographs, measure them, pool, calibrate."""

import contextlib
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from models.errors import UnusableInput
from models.morphology.measures import FieldMeasurement, Measure, measure_for
from models.values import Conditions, Estimate

if (
    TYPE_CHECKING
):  # for the types alone: whoever makes a predictor has a generator, and so its package, already
    from models.generator.record import GeneratorRecord

TILES = {"texture": 1}
"""Images per condition by kind of measure, unless told; a texture tile holds hundreds of crystallites."""
TILES_OTHERWISE = 4

_BLOCKS = 5
_THREADS = 2
_UNKNOWN_RELATIVE_SD = 0.05


class ImageGenerator(Protocol):
    """What is needed of a generator (:class:`models.generator.Generator` has it)."""

    @property
    def record(self) -> "GeneratorRecord":
        """Version, inputs, magnifications, calibration, and how good it was on held-out conditions."""
        ...

    def sample_many(
        self, conditions: Sequence[Conditions], *, magnification: float, n: int, seed: int
    ) -> npt.NDArray[np.float32]:
        """Images (conditions, n, H, W) in [0, 1], the same noise for all conditions."""
        ...

    def pixel_size_um(self, magnification: float) -> float:
        """Side of a pixel in µm."""
        ...

    def manifold_distance(self, conditions: Conditions) -> float:
        """0 at a training condition, 1 at the edge of what it was trained on."""
        ...

    def calibrated(
        self, descriptor: str, values: npt.ArrayLike, conditions: Sequence[Conditions]
    ) -> npt.NDArray[np.float64]:
        """Measured-equivalent values (C,) of values (C,) taken from images generated under ``conditions``."""
        ...


class GeneratorPredictor:
    """Predicts descriptors by the code that measures micrographs, applied to generated ones.

    ``descriptors``: which to predict (default: all that the generator shows). ``images``: magnification →
    images per condition (default: 1 where only texture is measured, 4 elsewhere). All conditions share one
    ``seed`` and so the same noise (common random numbers): a prediction is a fixed, smooth function of the
    conditions, and is kept.

    The spread given has two parts, added in squares. (1) The sampling error of the images: standard error
    of the pooled value on the calibrated scale, from a delete-one-image jackknife, or with a single image
    from one over 5 blocks of its particles or regions. (2) The generator's own error: its mean absolute
    error relative to the value on held-out conditions as stored with the version, × √(π/2), the ratio of
    standard deviation to mean absolute deviation of a normal error; 0 where the version was not evaluated.

    Errors: :class:`UnusableInput` for a descriptor that the generator does not show, or fewer than one image.
    """

    def __init__(
        self,
        generator: ImageGenerator,
        descriptors: Sequence[str] | None = None,
        *,
        images: Mapping[int, int] | None = None,
        seed: int = 0,
    ) -> None:
        self._generator, self._seed = generator, seed
        self.own_error: Mapping[str, float] = _held_out_error(generator.record)
        self._wanted: dict[int, dict[str, tuple[Measure, list[str]]]] = {}
        schema = generator.record.inputs
        for name in descriptors or schema.descriptors:
            measure = measure_for(name)
            magnification = schema.magnification_showing(name)
            by_kind = self._wanted.setdefault(magnification, {})
            by_kind.setdefault(measure.kind, (measure, []))[1].append(name)
        self._images = {
            magnification: (images or {}).get(
                magnification, max(TILES.get(kind, TILES_OTHERWISE) for kind in kinds)
            )
            for magnification, kinds in self._wanted.items()
        }
        if min(self._images.values()) < 1:
            raise UnusableInput("A prediction needs at least 1 image per condition; ask for more.")
        self._known: dict[tuple[tuple[str, float | str], ...], dict[str, Estimate]] = {}
        self.images_generated = 0

    @property
    def version(self) -> str:
        """The generator's version."""
        return self._generator.record.version

    def manifold_distance(self, conditions: Conditions) -> float:
        """The generator's."""
        return self._generator.manifold_distance(conditions)

    def predict(self, many: Sequence[Conditions]) -> list[dict[str, Estimate]]:
        """Estimates in order; NaN where the images do not show a descriptor (no particle found)."""
        keys = [tuple(sorted(conditions.items())) for conditions in many]
        fresh = {key: c for key, c in zip(keys, many, strict=True) if key not in self._known}
        if fresh:
            for key, prediction in zip(fresh, self._predict(list(fresh.values())), strict=True):
                self._known[key] = prediction
        return [dict(self._known[key]) for key in keys]

    def _predict(self, many: Sequence[Conditions]) -> list[dict[str, Estimate]]:
        """Half of the conditions in each of two threads: torch and numpy mostly let each other run."""
        halves = [list(many[::_THREADS]), list(many[1::_THREADS])]
        with _one_torch_thread_each(), ThreadPoolExecutor(_THREADS) as pool:
            done = list(pool.map(self._predict_share, halves))
        self.images_generated += len(many) * sum(self._images.values())
        predictions: list[dict[str, Estimate]] = [{} for _ in many]
        for start, share in enumerate(done):
            predictions[start::_THREADS] = share
        return predictions

    def _predict_share(self, many: Sequence[Conditions]) -> list[dict[str, Estimate]]:
        predictions: list[dict[str, Estimate]] = [{} for _ in many]
        if not many:
            return predictions
        for magnification, kinds in self._wanted.items():
            n = self._images[magnification]
            images = self._generator.sample_many(many, magnification=magnification, n=n, seed=self._seed)
            pixel = self._generator.pixel_size_um(magnification)
            for conditions, prediction, tiles in zip(many, predictions, images, strict=True):
                for measure, names in kinds.values():
                    fields = [measure.measure(tile, pixel) for tile in tiles]
                    prediction.update(self._pool(measure, names, fields, conditions))
        return predictions

    def _pool(
        self,
        measure: Measure,
        names: Sequence[str],
        fields: Sequence[FieldMeasurement],
        conditions: Conditions,
    ) -> dict[str, Estimate]:
        # The whole first, then the parts of the jackknife.
        pooled = [measure.pool(fields), *(measure.pool(rest) for rest in _delete_one(fields))]
        estimates = {}
        for name in names:
            values = [one[name] for one in pooled]
            value, *parts = self._generator.calibrated(name, values, [conditions] * len(values))
            sampling = _jackknife_se(np.array(parts), float(value))
            own = self.own_error.get(name, 0.0) * float(value)
            estimates[name] = Estimate(float(value), math.hypot(sampling, own))
        return estimates


@contextlib.contextmanager
def _one_torch_thread_each() -> Iterator[None]:
    """Two torch threads within each of two threads would get in each other's way."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else 1
    if torch is not None:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch is not None:
            torch.set_num_threads(before)


def _held_out_error(record: "GeneratorRecord") -> dict[str, float]:
    """Relative SD of a version's own error by descriptor, over all held-out splits."""
    errors: dict[str, list[tuple[float, int]]] = {}
    for scores in record.metrics.descriptors.values():
        for name, found in scores.items():
            errors.setdefault(name, []).append((found.relative, found.n_conditions))
    return {
        name: math.sqrt(math.pi / 2) * sum(e * n for e, n in found) / sum(n for _, n in found)
        for name, found in errors.items()
    }


def _delete_one(fields: Sequence[FieldMeasurement]) -> list[list[FieldMeasurement]]:
    """The fields without each in turn; of a single field, its samples without each fifth in turn."""
    if len(fields) > 1:
        return [[*fields[:i], *fields[i + 1 :]] for i in range(len(fields))]
    (field,) = fields
    if field.n < _BLOCKS:
        return []
    block = np.arange(field.n) * _BLOCKS // field.n
    return [
        [FieldMeasurement(field.kind, {name: values[block != b] for name, values in field.samples.items()})]
        for b in range(_BLOCKS)
    ]


def _jackknife_se(replicates: npt.NDArray[np.float64], value: float) -> float:
    usable = replicates[np.isfinite(replicates)]
    if not math.isfinite(value):
        return math.nan
    if len(usable) < 2:
        return _UNKNOWN_RELATIVE_SD * abs(value)
    return float(np.sqrt((len(usable) - 1) * np.var(usable)))
