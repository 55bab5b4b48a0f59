"""The information bar that a microscope prints below its field."""

import numpy as np
from numpy.typing import NDArray

HIGHEST_SHARE = 0.30
LOWEST_ROWS = 8
FLAT_SHARE = 0.55
STEP_SHARE = 0.92


def information_bar(pixels: NDArray[np.float32]) -> int:
    """Row at which the information bar begins in ``pixels`` (H, W) in [0, 1]; H where there is none.

    A bar is drawn, not recorded: most neighbours in its rows are exactly equal, whatever is written on it,
    and it begins at one row across the whole width. A field has noise, or at least no such edge.
    """
    height, width = int(pixels.shape[0]), int(pixels.shape[1])
    first = int(height * (1 - HIGHEST_SHARE))
    if height - first < LOWEST_ROWS or width < 64:
        return height
    tail = pixels[first - 1 :]
    # JPEG ringing moves flat neighbours by a few grey levels.
    flat = (np.abs(np.diff(tail, axis=1)) <= 3 / 255).mean(axis=1)
    drawn = flat >= FLAT_SHARE
    if not drawn[-1]:
        return height
    run = len(drawn) if drawn.all() else int(np.argmin(drawn[::-1]))
    step = (np.abs(np.diff(tail, axis=0)) > 6 / 255).mean(axis=1)
    # Candidates are rows whose step from the row above spans the width; the highest one within the flat run.
    start = len(tail) - run
    rows = [r for r in range(max(start - 2, 1), len(tail) - LOWEST_ROWS + 1) if step[r - 1] >= STEP_SHARE]
    if rows and _common_ground(tail[rows[0] :]):
        return first - 1 + rows[0]
    if start > 0 and run >= LOWEST_ROWS and _common_ground(tail[start:]):
        above = float(np.median(flat[max(start - 12, 0) : start]))
        if above < FLAT_SHARE - 0.2 and float(np.median(flat[start:])) > 0.7:
            return first - 1 + start
    return height


def _common_ground(rows: NDArray[np.float32]) -> bool:
    """Whether one grey level fills most of the rows, as the ground of a bar does."""
    levels = np.bincount((rows * 255 + 0.5).astype(np.int64).ravel(), minlength=256)
    wide = np.convolve(levels, np.ones(5), "same")
    return bool(wide.max() >= 0.5 * rows.size)
