"""The measure "texture": fineness of the primary particles on the surface of agglomerates."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files

import numpy as np
import pywt
from numpy.typing import NDArray
from scipy import ndimage

from models.morphology.classical import otsu
from models.morphology.measures import Descriptor, FieldMeasurement, Floats, Image, Labels
from models.morphology.scaling import reduce_to, resample_area
from models.morphology.sizes import weighted_mean_sd

COARSE = 8
SMALLEST_PART = 0.1
SMALLEST_ENERGY = 1e-10
EDGE_ENERGY = 4.0

_DESCRIPTORS = (
    Descriptor(
        "texture_mean", "", "fineness of the surface, 0 coarse to 1 fine: share of fine wavelet energy"
    ),
    Descriptor("texture_sd", "", "standard deviation of the fineness between regions"),
)


@dataclass(frozen=True)
class TextureCalibration:
    """Constants that make texture comparable between images and instruments.

    Images are brought to ``reference_pixel_um``. Of the detail energies of ``wavelet`` at the levels
    ``finest_level`` to ``coarsest_level``, the share of the finest is mapped linearly so that ``share_at_0``
    becomes 0 and ``share_at_1`` becomes 1. Levels below ``finest_level`` hold noise and focus more than
    structure. ``region_px`` is the side of one region at the reference pixel size.
    """

    reference_pixel_um: float
    wavelet: str
    finest_level: int
    coarsest_level: int
    share_at_0: float
    share_at_1: float
    region_px: int


@cache
def calibration() -> TextureCalibration:
    """The stored constants, ``texture_calibration.json``."""
    text = files("models.morphology").joinpath("texture_calibration.json").read_text(encoding="utf-8")
    return TextureCalibration(**json.loads(text))


@dataclass(frozen=True)
class TextureMeasure:
    """Share of fine-level wavelet energy per particle region, mapped to 0–1.

    After Choi et al., Mater. Horiz. 2026, 13, 727 (mean-square detail coefficients of a discrete wavelet
    transform per particle region). The share between levels replaces the raw mean square: it does not change
    with gain and offset and hardly with noise, where raw coefficients do not rank fineness at all. Samples
    per region: ``texture``, ``weight`` (share of the region that is particle).
    """

    kind: str = "texture"
    descriptors: Mapping[str, Descriptor] = field(default_factory=lambda: {d.name: d for d in _DESCRIPTORS})

    def measure(self, pixels: Image, pixel_size_um: float) -> FieldMeasurement:
        """Measure one field, see :class:`models.morphology.measures.Measure`."""
        known = calibration()
        warnings: tuple[str, ...] = ()
        factor = known.reference_pixel_um / pixel_size_um
        if factor < 0.8:
            warnings = (
                f"The pixel size {pixel_size_um:.3g} µm is coarser than the "
                f"{known.reference_pixel_um:.3g} µm that texture is defined at; "
                "fine structure is lost and texture reads too low.",
            )
        reduced = reduce_to(pixels, factor)
        image = _fit(reduced, 2**known.coarsest_level)
        if image is None:
            remark = "The field is too small for texture at its reference pixel size."
            return FieldMeasurement(self.kind, {"texture": np.empty(0), "weight": np.empty(0)}, (remark,))
        texture, weight, regions = fineness(image, known)
        if len(texture) == 0:
            warnings += ("No particle surface was found to measure texture on.",)
        labels = _on_field(regions, 2**known.coarsest_level, reduced.shape, pixels.shape)
        return FieldMeasurement(self.kind, {"texture": texture, "weight": weight}, warnings, labels)

    def pool(self, fields: Sequence[FieldMeasurement]) -> dict[str, float]:
        """Mean and standard deviation over the regions of all fields."""
        if not fields:
            return {"texture_mean": float("nan"), "texture_sd": float("nan")}
        texture = np.concatenate([f.samples["texture"] for f in fields])
        weight = np.concatenate([f.samples["weight"] for f in fields])
        mean, sd = weighted_mean_sd(texture, weight)
        return {"texture_mean": mean, "texture_sd": sd}


def _fit(image: Image, multiple: int) -> Image | None:
    """The centre of ``image`` with sides that are multiples of ``multiple``; None if a side is too short."""
    height, width = (side // multiple * multiple for side in image.shape)
    if min(height, width) < 2 * multiple:
        return None
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def surface(coarse: Image) -> NDArray[np.bool_]:
    """Where particle surface is seen, away from bright limbs, in a field of 8-fold coarser pixels."""
    everywhere = np.ones(coarse.shape, bool)
    smooth = ndimage.gaussian_filter(coarse, 1.0, truncate=2.0)
    bright = smooth > otsu(smooth)
    if bright.all() or not bright.any():
        return everywhere
    above, below = smooth[bright], smooth[~bright]
    within = (above.var() * above.size + below.var() * below.size) / smooth.size
    # A surface alone has one population of grey levels: its dark half is shadow, not ground. Only variances
    # are compared, so that gain and offset of the detector do not matter.
    if within > 0.25 * smooth.var():
        return everywhere
    return np.asarray(ndimage.binary_erosion(bright, np.ones((3, 3)), border_value=1))


def flattened(image: Image, coarse: Image, inside: NDArray[np.bool_]) -> Image:
    """``image`` less its shading (means over about 0.6 µm of surface), and 0 off the surface.

    Without this the frame of the field, where the transform wraps round, and the limbs would count as
    structure.
    """
    known = ndimage.binary_dilation(inside) if not inside.all() else inside
    weight = known.astype(np.float32)
    blur = ndimage.gaussian_filter(
        np.stack([coarse * weight, weight]), (0, 3.0, 3.0), truncate=2.0, mode="nearest"
    )
    shading = blur[0] / (blur[1] + np.float32(1e-3))
    up_rows, up_columns = _interpolation(coarse.shape[0]), _interpolation(coarse.shape[1])
    flat = image - up_rows @ shading @ up_columns.T
    if not known.all():
        flat *= np.kron(weight, np.ones((COARSE, COARSE), np.float32))
    return np.asarray(flat)


def detail_energies(image: Image, known: TextureCalibration) -> tuple[Floats, NDArray[np.bool_]]:
    """Detail energy per pixel (levels, rows, columns) in cells of 2^coarsest px; which are surface."""
    coarse = resample_area(image, (image.shape[0] // COARSE, image.shape[1] // COARSE))
    inside = surface(coarse)
    tree = pywt.wavedec2(
        flattened(image, coarse, inside), known.wavelet, mode="periodization", level=known.coarsest_level
    )
    shape = tree[-known.coarsest_level][0].shape
    energy = np.empty((known.coarsest_level - known.finest_level + 1, *shape))
    for row, level in enumerate(range(known.finest_level, known.coarsest_level + 1)):
        square = sum(band.astype(float) ** 2 for band in tree[-level])
        size = 2 ** (known.coarsest_level - level)
        # Per pixel, so that levels compare: a cell of 4^coarsest pixels holds this sum of squares.
        energy[row] = (
            square.reshape(shape[0], size, shape[1], size).sum(axis=(1, 3)) / 4**known.coarsest_level
        )
    cells = resample_area(inside.astype(np.float32), shape) >= 0.999
    # The limb of a particle before another is an edge, not structure, and holds many times the energy.
    total = energy.sum(axis=0)
    if cells.any():
        cells &= total < EDGE_ENERGY * np.median(total[cells])
    return energy, cells


def fineness(image: Image, known: TextureCalibration) -> tuple[Floats, Floats, Labels]:
    """Texture (0–1) and weight of each region of an image at the reference pixel size.

    The regions are numbered 1…n on cells (rows, columns) of 2^coarsest px; 0 is no surface.
    """
    energy, cells = detail_energies(image, known)
    energy = energy * cells
    rows, columns = (max(1, round(side / known.region_px)) for side in image.shape)
    fine, total, part = (
        np.array(
            [
                block.mean()
                for band in np.array_split(values, rows)
                for block in np.array_split(band, columns, 1)
            ]
        )
        for values in (energy[0], energy.sum(axis=0), cells)
    )
    good = (part >= SMALLEST_PART) & (total > SMALLEST_ENERGY)
    number = np.where(good, np.cumsum(good), 0).reshape(rows, columns)
    row, column = (
        np.repeat(np.arange(parts), [len(one) for one in np.array_split(np.arange(cells_along), parts)])
        for cells_along, parts in zip(cells.shape, (rows, columns), strict=True)
    )
    regions = (number[np.ix_(row, column)] * cells).astype(np.int32)
    texture = (fine[good] / total[good] - known.share_at_0) / (known.share_at_1 - known.share_at_0)
    return np.clip(texture, 0.0, 1.0), part[good], regions


def _on_field(regions: Labels, cell: int, reduced: tuple[int, ...], whole: tuple[int, ...]) -> Labels:
    """``regions``, in cells of ``cell`` px amid a field of shape ``reduced``, for the field as it came."""
    padded = np.pad(regions, 1)
    index = []
    for cells, side, length in zip(regions.shape, reduced, whole, strict=True):
        place = (np.arange(length) + 0.5) * (side / length) - (side - cells * cell) // 2
        index.append(np.clip(np.floor(place / cell).astype(int) + 1, 0, cells + 1))
    return np.asarray(padded[np.ix_(*index)])


@lru_cache(maxsize=32)
def _interpolation(cells: int) -> Image:
    """(8·cells, cells) matrix of linear interpolation between the centres of coarse cells."""
    place = np.clip((np.arange(COARSE * cells) + 0.5) / COARSE - 0.5, 0, cells - 1)
    return np.asarray(np.maximum(1 - np.abs(place[:, None] - np.arange(cells)), 0), np.float32)
