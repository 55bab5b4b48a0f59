"""The learned segmenter itself: pictures in, labels out, one or many at a time."""

from pathlib import Path

import numpy as np

from models.morphology.learned.instances import LARGEST_SHARE, Cut, combined, cut
from models.morphology.measures import Image, Labels
from models.morphology.scaling import reduce_to

SHIPPED = Path(__file__).resolve().parents[2] / "weights" / "segmenter-3.safetensors"
COARSEST_SIDE_PX, FINEST_SIDE_PX = 320, 2048
"""Long sides of the grids that a field is looked at on; each is twice as fine as the one before."""
SMALL_PX, SMALL_SHARE = 10.0, 0.1
"""A finer grid is looked at where more than this share of the particles found is smaller than that."""
BATCH_PX = 1 << 19
LEAST_CONTRAST = 0.02


class LearnedSegmenter:
    """A U-Net predicts interior, boundary and relative distance; the watershed cuts particles out of them.

    A field is looked at on a coarse grid first, where the texture of large particles misleads least, and on
    finer ones as long as there are small particles, or one that takes most of the field; what was well
    resolved on the coarser grid stays.
    ``weights``: a file that ``python -m models.morphology.learned.train`` wrote, None for the shipped ones,
    which are read when first needed. Errors: :class:`models.errors.UnusableInput` for a file that is not one
    of these.
    """

    def __init__(self, weights: Path | None = None, how: Cut | None = None) -> None:
        self._weights = weights or SHIPPED
        self._how = how or Cut()
        if weights is not None:
            from models.morphology.learned.inference import ready

            ready(weights)

    def segment(self, pixels: Image) -> Labels:
        """Labels (H, W) of ``pixels`` (H, W) in [0, 1]; an image without contrast has none."""
        return self.segment_many(pixels[None])[0]

    def segment_many(self, pixels: Image) -> list[Labels]:
        """Labels (H, W) of each of ``pixels`` (N, H, W) in [0, 1], as :meth:`segment` gives them."""
        side = max(pixels.shape[1:])
        coarsest, finest = max(1.0, side / COARSEST_SIDE_PX), max(1.0, side / FINEST_SIDE_PX)
        found = self._at(pixels, coarsest)
        for index, labels in enumerate(found):
            factor = coarsest
            while factor > finest and _unresolved(labels, factor):
                finer = max(finest, factor / 2.0)
                labels = combined(labels, self._at(pixels[index : index + 1], finer)[0], factor)
                factor = finer
            found[index] = labels
        return found

    def _at(self, pixels: Image, factor: float) -> list[Labels]:
        """Labels (H, W) of (N, H, W), looked at on a grid reduced ``factor`` times."""
        # Imported here: torch takes seconds, and commands that segment nothing should start at once.
        from models.morphology.learned.inference import predicted, ready, stretched

        network = ready(self._weights)
        shape = (pixels.shape[1], pixels.shape[2])
        labels: list[Labels] = []
        at_once = max(1, int(BATCH_PX * factor**2) // max(shape[0] * shape[1], 1))
        for part in (pixels[start : start + at_once] for start in range(0, len(pixels), at_once)):
            reduced = np.stack([reduce_to(one, factor) for one in part])
            for one, maps in zip(reduced, predicted(network, stretched(reduced)), strict=True):
                if np.ptp(one) < LEAST_CONTRAST:
                    labels.append(np.zeros(shape, np.int32))
                    continue
                labels.append(cut(maps, self._how, shape))
        return labels


def _unresolved(labels: Labels, factor: float) -> bool:
    """Whether particles of ``labels`` (H, W) are small on the grid reduced ``factor`` times, or all one."""
    area = np.bincount(labels.ravel())[1:]
    if not area.size:
        return False
    small = np.quantile(area, SMALL_SHARE) < np.pi / 4 * (SMALL_PX * factor) ** 2
    return bool(small or area.max() > LARGEST_SHARE * labels.size)
