"""The learned segmenter itself: pictures in, labels out, one or many at a time."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import pad

from models.morphology.learned.crops import stretched
from models.morphology.learned.instances import Cut, cut
from models.morphology.learned.network import SegmentationNet, fused, load
from models.morphology.measures import Image, Labels
from models.morphology.scaling import reduce_to, resample_labels

SHIPPED = Path(__file__).resolve().parents[2] / "weights" / "segmenter-1" / "model.safetensors"
WORKING_SIDE_PX = 640
"""Long side of the picture that the network sees first."""
SMALL_PX = 11.0
"""Where a tenth of the particles found are smaller than this, a reduced picture is looked at in full."""
BATCH_PX = 1 << 19
LEAST_CONTRAST = 0.02


class LearnedSegmenter:
    """A U-Net predicts interior, boundary and relative distance; the watershed cuts particles out of them.

    A field is first reduced to a long side of 640 px, which costs nothing where particles are 20 px and more;
    where many are small it is looked at again on a finer grid. ``weights``: a file that
    ``python -m models.morphology.learned.train`` wrote, None for the shipped ones. Errors:
    :class:`models.errors.UnusableInput` for a file that is not one of these.
    """

    def __init__(self, weights: Path | None = None, how: Cut | None = None) -> None:
        self._network = _ready(weights or SHIPPED)
        self._how = how or Cut()

    def segment(self, pixels: Image) -> Labels:
        """Labels (H, W) of ``pixels`` (H, W) in [0, 1]; an image without contrast has none."""
        return self.segment_many(pixels[None])[0]

    def segment_many(self, pixels: Image) -> list[Labels]:
        """Labels (H, W) of each of ``pixels`` (N, H, W) in [0, 1], as :meth:`segment` gives them."""
        factor = max(1.0, max(pixels.shape[1:]) / WORKING_SIDE_PX)
        found = self._at(pixels, factor)
        for index, labels in enumerate(found):
            finer = _finer(labels, factor)
            if finer < factor:
                found[index] = self._at(pixels[index : index + 1], finer)[0]
        return [resample_labels(labels, (pixels.shape[1], pixels.shape[2])) for labels in found]

    def _at(self, pixels: Image, factor: float) -> list[Labels]:
        """Labels on the grid reduced ``factor`` times."""
        reduced = np.stack([reduce_to(one, factor) for one in pixels])
        labels: list[Labels] = []
        for part in np.array_split(reduced, max(1, -(-reduced.size // BATCH_PX))):
            maps = predicted(self._network, stretched(part))
            plain = np.ptp(part, axis=(1, 2)) < LEAST_CONTRAST
            labels += [
                np.zeros(part.shape[1:], np.int32) if flat else cut(one, self._how)
                for flat, one in zip(plain, maps, strict=True)
            ]
        return labels


def _finer(labels: Labels, factor: float) -> float:
    """The reduction at which the smaller particles found at ``factor`` are large enough."""
    area = np.bincount(labels.ravel())[1:]
    if factor <= 1.0 or not area.size:
        return factor
    small = 2.0 * np.sqrt(float(np.quantile(area, 0.1)) / np.pi)
    # A finer look for a slight gain costs more than it brings.
    return factor if small >= SMALL_PX else max(1.0, factor * small / (1.3 * SMALL_PX))


def predicted(network: SegmentationNet, pixels: Image) -> Image:
    """Interior and boundary probabilities and relative distance (N, 3, H, W) of stretched (N, H, W)."""
    height, width = pixels.shape[1:]
    weight = next(network.parameters())
    x = torch.from_numpy(pixels)[:, None].to(weight)
    below, right = -height % network.stride, -width % network.stride
    mode = "reflect" if below < height and right < width else "replicate"
    x = pad(x, (0, right, 0, below), mode=mode).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        maps = network(x)[:, :, :height, :width].float()
        maps[:, :2] = maps[:, :2].sigmoid()
    return np.asarray(maps.cpu().numpy())


@cache
def _ready(weights: Path) -> SegmentationNet:
    network = fused(load(weights)).to(memory_format=torch.channels_last)
    if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        network = network.to(torch.bfloat16)
    return network
