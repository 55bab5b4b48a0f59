"""The learned segmenter itself: pictures in, labels out, one or many at a time."""

from pathlib import Path

import numpy as np

from models.morphology.learned.instances import Cut, cut
from models.morphology.measures import Image, Labels
from models.morphology.scaling import reduce_to

SHIPPED = Path(__file__).resolve().parents[2] / "weights" / "segmenter-1" / "model.safetensors"
WORKING_SIDE_PX = 640
"""Long side of the picture that the network sees first."""
SMALL_PX = 11.0
"""Where a tenth of the particles found are smaller than this, a finer grid is looked at."""
BATCH_PX = 1 << 19
LEAST_CONTRAST = 0.02


class LearnedSegmenter:
    """A U-Net predicts interior, boundary and relative distance; the watershed cuts particles out of them.

    A field is first reduced to a long side of 640 px, which costs nothing where particles are 20 px and more;
    where many are small it is looked at again on a finer grid. Outlines are those of the interior map on the
    full grid. ``weights``: a file that ``python -m models.morphology.learned.train`` wrote, None for the
    shipped ones, which are read when first needed. Errors: :class:`models.errors.UnusableInput` for a file
    that is not one of these.
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
        factor = max(1.0, max(pixels.shape[1:]) / WORKING_SIDE_PX)
        found = self._at(pixels, factor)
        for index, labels in enumerate(found):
            finer = _finer(labels, factor)
            if finer < factor:
                found[index] = self._at(pixels[index : index + 1], finer)[0]
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


def _finer(labels: Labels, factor: float) -> float:
    """The reduction at which the smaller particles, ``labels`` of the full grid, are large enough."""
    area = np.bincount(labels.ravel())[1:]
    if factor <= 1.0 or not area.size:
        return factor
    small = 2.0 * np.sqrt(float(np.quantile(area, 0.1)) / np.pi) / factor
    # A finer look for a slight gain costs more than it brings.
    return factor if small >= SMALL_PX else max(1.0, factor * small / (1.3 * SMALL_PX))
