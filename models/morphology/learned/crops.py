"""Crops for training: labelled pictures at random places, scales, orientations and tones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from models.errors import UnusableInput
from models.morphology.learned.appearance import changed
from models.morphology.learned.inference import stretched
from models.morphology.learned.targets import outline, relative_distance, weights
from models.morphology.measures import Image, Labels

LEAST_ZOOM, MOST_ZOOM = 0.5, 1.8
SMALLEST_MEDIAN_PX = 8.0
"""Zooming out stops where half of the particles would be smaller than this."""
BLANK_SHARE = 0.02


@dataclass(frozen=True)
class Labelled:
    """A picture (H, W) uint8 with its labels (H, W), and the median diameter of its particles in px."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint16]
    median_px: float


def load_pictures(folder: Path) -> list[Labelled]:
    """All of ``folder``: ``*.npz`` with ``image`` and ``labels``, in the order of their names.

    Errors: :class:`UnusableInput` when there are none.
    """
    pictures = []
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as stored:
            pixels, labels = stored["image"], stored["labels"]
        area = np.bincount(labels.ravel())[1:]
        median = float(np.median(2 * np.sqrt(area[area > 0] / np.pi))) if (area > 0).any() else np.inf
        pictures.append(Labelled(pixels, labels, median))
    if not pictures:
        raise UnusableInput(
            f"There are no labelled pictures (*.npz) in {folder}; "
            f"write some with python -m sim.styles {folder}."
        )
    return pictures


def batch(
    pictures: Sequence[Labelled], size: int, side: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """``size`` crops (B, 1, side, side), and interior, boundary, distance and weight (B, 4, side, side)."""
    crops = [_crop(pictures[int(rng.integers(len(pictures)))], side, rng) for _ in range(size)]
    inputs = np.stack([pixels for pixels, _ in crops])[:, None]
    targets = np.stack(
        [np.stack([t > 0, outline(t), relative_distance(t), weights(t)]).astype(np.float32) for _, t in crops]
    )
    return torch.from_numpy(inputs), torch.from_numpy(targets)


def _crop(picture: Labelled, side: int, rng: np.random.Generator) -> tuple[Image, Labels]:
    height, width = picture.pixels.shape
    least = max(LEAST_ZOOM, side / height, side / width, min(1.0, SMALLEST_MEDIAN_PX / picture.median_px))
    zoom = float(np.exp(rng.uniform(np.log(least), np.log(max(MOST_ZOOM, least)))))
    span = min(height, width, round(side / zoom))
    top, left = int(rng.integers(height - span + 1)), int(rng.integers(width - span + 1))
    source = picture.pixels[top : top + span, left : left + span].astype(np.float32) / 255.0
    index = ((np.arange(side) + 0.5) * (span / side)).astype(int)
    labels = picture.labels[top : top + span, left : left + span][np.ix_(index, index)].astype(np.int32)
    pixels = interpolate(
        torch.from_numpy(source)[None, None],
        (side, side),
        mode="bilinear",
        antialias=True,
        align_corners=False,
    )[0, 0].numpy()
    if rng.random() < BLANK_SHARE:
        pixels, labels = _blank(side, rng), np.zeros_like(labels)
    elif rng.random() < 0.5:
        low, high = np.percentile(picture.pixels[::4, ::4], (1, 99)) / 255.0
        pixels = (pixels - low) / max(high - low, 1e-3)
    else:
        pixels = stretched(pixels)
    pixels = changed(pixels, labels, rng)
    turns = int(rng.integers(4))
    pixels, labels = np.rot90(pixels, turns), np.rot90(labels, turns)
    if rng.random() < 0.5:
        pixels, labels = pixels[:, ::-1], labels[:, ::-1]
    return np.ascontiguousarray(pixels, np.float32), np.ascontiguousarray(labels)


def _blank(side: int, rng: np.random.Generator) -> Image:
    """Ground alone: noise over a slope, stretched as a picture without particles would be."""
    x, y = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    slope = rng.normal(0, 1, 2) * rng.uniform(0, 2)
    return stretched(np.asarray(slope[0] * x + slope[1] * y + rng.standard_normal((side, side)), np.float32))
