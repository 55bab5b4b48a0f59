"""What the worker computes for the pages; everything that comes back is plain data and encoded pictures."""

import functools
import io
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaigns.specification import View
from models.errors import UnusableInput
from models.values import Conditions, Estimate, Interval

if TYPE_CHECKING:
    from models.generator import Generator
    from models.representativity.result import Representativity

TILES = 4
IMAGES = {"particles": 8, "texture": 4}
"""Images per kind of view that a prediction of the page Explore is measured from."""
WIDTH = 800
_OUTLINE = (255, 176, 0)


@dataclass(frozen=True)
class Imagined:
    """What a version expects of conditions: descriptors, and micrographs as PNG by magnification."""

    version: str
    estimates: Mapping[str, Estimate]
    distance: float
    pictures: Mapping[int, tuple[bytes, ...]]
    pixel_size_um: Mapping[int, float]
    seconds: float


@dataclass(frozen=True)
class MeasuredImage:
    """One image as measured; ``overlay`` is a JPEG with what was segmented, empty where nothing was."""

    name: str
    kind: str
    pixel_size_um: float
    descriptors: Mapping[str, float]
    count: int
    warnings: tuple[str, ...]
    overlay: bytes
    refused: str = ""


@dataclass(frozen=True)
class MeasuredSet:
    """Images of one sample: each, and pooled with intervals."""

    images: tuple[MeasuredImage, ...]
    pooled: Mapping[str, Interval]


def imagine(version: str | None, conditions: Conditions, seed: int) -> Imagined:
    """What a version of the generator expects. Errors: :class:`UnusableInput`."""
    from models.inverse import GeneratorPredictor
    from models.morphology import measure_for

    began = time.perf_counter()
    generator = _generator(version)
    schema = generator.schema
    schema.check(conditions)
    images = {
        magnification: max(IMAGES.get(measure_for(name).kind, TILES) for name in info.descriptors)
        for magnification, info in schema.magnifications.items()
    }
    predictor = GeneratorPredictor(generator, images=images, seed=seed)
    (estimates,) = predictor.predict([conditions])
    pictures, sizes = {}, {}
    for magnification in schema.magnifications:
        drawn = generator.sample(conditions, magnification=magnification, n=TILES, seed=seed)
        pictures[magnification] = tuple(_grey(pixels) for pixels in drawn)
        sizes[magnification] = generator.pixel_size_um(magnification)
    return Imagined(
        generator.version,
        dict(estimates),
        generator.manifold_distance(conditions),
        pictures,
        sizes,
        time.perf_counter() - began,
    )


def samples(version: str) -> tuple[tuple[dict[str, float | str], int, float, tuple[bytes, ...]], ...]:
    """Micrographs at conditions that were held out: conditions, magnification, pixel size in µm, PNGs."""
    generator = _generator(version)
    record = generator.record
    conditions = [dict(one.conditions) for one in record.held_out] or [dict(one) for one in record.trained_on]
    varying = {parameter.name for parameter in record.inputs.parameters if parameter.varies}
    found = []
    for one in conditions[:: max(1, len(conditions) // 3)][:3]:
        for magnification, info in record.inputs.magnifications.items():
            drawn = generator.sample(one, magnification=magnification, n=TILES, seed=0)
            told = {name: value for name, value in one.items() if name in varying}
            found.append((told, magnification, info.pixel_size_um, tuple(_grey(pixels) for pixels in drawn)))
    return tuple(found)


def report_now(home: Path, campaign_id: str, simulated: bool) -> str:
    """The report of a campaign as it stands. Errors: :class:`campaigns.ledger.NotFound`."""
    from campaigns import report
    from campaigns.ledger import Ledger, ledger_location

    with Ledger.open(ledger_location(home, simulated=simulated), simulated=simulated) as ledger:
        return report.html(ledger, campaign_id)


def measure_field(path: Path, view: View) -> dict[str, float]:
    """The descriptors of one stored field of view alone, as a view of a campaign measures them."""
    from models.micrographs import read
    from models.morphology import measure_for
    from models.morphology.particles import ParticleMeasure

    micrograph = read(path)[0]
    found: dict[str, float] = {}
    for measure in {one.kind: one for one in map(measure_for, view.descriptors)}.values():
        used = (
            _particles(view.segmenter, view.checkpoint) if isinstance(measure, ParticleMeasure) else measure
        )
        pooled = used.pool([used.measure(micrograph.pixels, micrograph.pixel_size_um)])
        found |= {name: value for name, value in pooled.items() if name in view.descriptors}
    return found


def measure_images(
    files: tuple[tuple[str, bytes], ...], kind: str, pixel_size_um: float | None
) -> MeasuredSet:
    """Measure images that somebody brought, by name and bytes, and pool those that can be trusted.

    Errors: :class:`UnusableInput` naming the file that cannot be read or says no pixel size.
    """
    import tempfile
    from dataclasses import replace

    from models.micrographs import read
    from models.morphology import measure_of
    from models.morphology.quantification import measured
    from models.morphology.trust import distrust
    from models.representativity import descriptor_intervals

    images, fields = [], []
    for name, content in files:
        # The name is only shown: what is written gets a name of ours.
        with tempfile.NamedTemporaryFile(suffix=_suffix(name)) as stored:
            stored.write(content)
            stored.flush()
            try:
                pages = read(Path(stored.name), pixel_size_um)
            except UnusableInput as refused:
                raise UnusableInput(str(refused).replace(stored.name, name)) from None
        for micrograph in pages:
            _, found = measured(micrograph.pixels, micrograph.pixel_size_um, kind, _particles(None, None))
            doubt = distrust(micrograph.pixels, micrograph.pixel_size_um, found)
            pooled = measure_of(found.kind).pool([found])
            images.append(
                MeasuredImage(
                    name,
                    found.kind,
                    micrograph.pixel_size_um,
                    {key: value for key, value in pooled.items() if math.isfinite(value)},
                    found.n,
                    (*micrograph.warnings, *found.warnings),
                    _outlined(micrograph.pixels, found.labels),
                    doubt or "",
                )
            )
            if doubt is None:
                fields.append(replace(found, labels=None))
    pooled_all = descriptor_intervals(fields, 0.95, 0.05) if fields else {}
    return MeasuredSet(tuple(images), pooled_all)


def phase_representativity(files: tuple[tuple[str, bytes], ...], target_error: float) -> "Representativity":
    """Whether segmented images show enough of their brighter phase. Errors: :class:`UnusableInput`."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    from models.representativity import estimate

    stack = []
    for name, content in files:
        try:
            with Image.open(io.BytesIO(content)) as opened:
                pixels = np.asarray(opened.convert("L"))
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise UnusableInput(f"{name} is no image that can be read ({error}).") from error
        values = np.unique(pixels)
        if len(values) != 2:
            raise UnusableInput(
                f"{name} has {len(values)} grey values; a segmented image of two phases has 2."
            )
        stack.append(pixels == values[-1])
    return estimate(stack if len(stack) > 1 else stack[0], 0.95, target_error)


@functools.lru_cache(maxsize=2)
def _generator(version: str | None) -> "Generator":
    """Kept, since a generator takes seconds to load."""
    import torch

    from models.generator import load

    torch.set_num_threads(1)
    return load(version)


@functools.cache
def _particles(name: str | None, checkpoint: Path | None) -> Any:
    from models.morphology.particles import ParticleMeasure
    from models.morphology.segmenters import DEFAULT, segmenter

    return ParticleMeasure(segmenter(name or DEFAULT, checkpoint))


def _suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if suffix in (".tif", ".tiff", ".png", ".jpg", ".jpeg") else ".tif"


def _grey(pixels: Any) -> bytes:
    import numpy as np
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _outlined(pixels: Any, labels: Any) -> bytes:
    """The field as JPEG, at most 800 pixels wide, with the outline of every label on it."""
    import numpy as np
    from PIL import Image

    from models.morphology.outlined import outlined

    grey, edge = outlined(pixels, labels, WIDTH)
    drawn = np.repeat(grey[..., None], 3, axis=2)
    drawn[edge] = _OUTLINE
    buffer = io.BytesIO()
    Image.fromarray(drawn).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
