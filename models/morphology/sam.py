"""Segment Anything as a segmenter, for users who have a checkpoint of it."""

import re
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import UnusableInput
from models.morphology.measures import Image, Labels
from models.morphology.scaling import renumbered

DUPLICATE_OVERLAP = 0.7
LARGEST_SHARE = 0.5
SMALLEST_AREA_PX = 30
SMALLEST_FILL = 0.55
"""Least share of its convex outline's box that a particle fills; frames and backgrounds fill less."""

LEAST_CONTRAST = 0.5
"""How far a particle's mean level must lie from the ground's, in SDs of the ground: gaps between particles,
which are masks too, lie nearer."""


class MaskGenerator(Protocol):
    """What is used of ``segment_anything.SamAutomaticMaskGenerator``."""

    def generate(self, image: NDArray[np.uint8]) -> list[dict[str, Any]]:
        """Masks of ``image`` (H, W, 3): ``segmentation`` (H, W) bool, ``predicted_iou`` and more."""
        ...


class SamSegmenter:
    """Segment Anything (Kirillov et al., ICCV 2023) over a grid of prompts, then one label per particle.

    Of masks that are the same particle the most certain is kept; a particle lying inside another's mask, as
    one on top of it, keeps its pixels; background and frame-filling masks are dropped. ``checkpoint`` is a
    file of the published weights; its name tells the model (vit_b, vit_l, vit_h).
    """

    def __init__(self, checkpoint: Path | None, generator: MaskGenerator | None = None) -> None:
        self._generator = generator or _load(checkpoint)

    def segment(self, pixels: Image) -> Labels:
        """Labels (H, W) of ``pixels`` (H, W) in [0, 1]."""
        image = np.repeat((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)[..., None], 3, axis=2)
        found = sorted(self._generator.generate(image), key=lambda mask: -float(mask["predicted_iou"]))
        masks = _distinct([np.asarray(mask["segmentation"], bool) for mask in found])
        bare = pixels[~_union(masks, pixels.shape)]
        labels = np.zeros(pixels.shape, np.int32)
        # Large ones first, so that a small particle on top of a large one stays its own.
        for number, mask in enumerate(sorted(masks, key=lambda mask: -int(mask.sum())), start=1):
            if _is_particle(mask, pixels, bare):
                labels[mask] = number
        return renumbered(labels)


def _distinct(masks: list[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
    """Masks, most certain first, without those that repeat an earlier one."""
    kept: list[NDArray[np.bool_]] = []
    for mask in masks:
        area = int(mask.sum())
        if area < SMALLEST_AREA_PX or area > LARGEST_SHARE * mask.size:
            continue
        if all(
            np.count_nonzero(mask & other) < DUPLICATE_OVERLAP * np.count_nonzero(mask | other)
            for other in kept
        ):
            kept.append(mask)
    return kept


def _union(masks: list[NDArray[np.bool_]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    covered = np.zeros(shape, bool)
    for mask in masks:
        covered |= mask
    # A field covered all over has no ground to compare with; its own median stands in.
    return covered if not covered.all() else np.zeros(shape, bool)


def _is_particle(mask: NDArray[np.bool_], pixels: Image, bare: Image) -> bool:
    """Whether a mask is compact, and brighter or darker than the ``bare`` ground (n,)."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    apart = abs(float(pixels[mask].mean()) - float(np.median(bare)))
    return bool(mask.sum() >= SMALLEST_FILL * box and apart > LEAST_CONTRAST * float(bare.std()))


def _load(checkpoint: Path | None) -> MaskGenerator:
    if checkpoint is None:
        raise UnusableInput("The segmenter 'sam' needs a checkpoint; give its file with --sam-checkpoint.")
    if not checkpoint.is_file():
        raise UnusableInput(f"There is no Segment Anything checkpoint at {checkpoint}; download one first.")
    name = re.search(r"vit_[blh]", checkpoint.name)
    try:
        import torch
        from segment_anything import SamAutomaticMaskGenerator, sam_model_registry
    except ImportError as error:
        raise UnusableInput(
            f"Segment Anything cannot be imported ({error}); install the package segment-anything."
        ) from error
    try:
        model = sam_model_registry[name.group() if name else "default"](checkpoint=str(checkpoint))
    # Any file may have been given, and reading it raises whatever its content makes of it.
    except Exception as error:
        raise UnusableInput(
            f"{checkpoint} is not a Segment Anything checkpoint of the kind its name says "
            f"({name.group() if name else 'vit_h'}): {str(error).splitlines()[0]}"
        ) from error
    model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    generator: MaskGenerator = SamAutomaticMaskGenerator(model)
    return generator
