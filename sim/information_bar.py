"""The bar that a microscope writes below its image: voltage, magnification, scale, SIMULATED."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

BAR_SHARE = 1 / 15
"""Height of the bar as a share of the scan's: 64 rows below 960."""


def bar_rows(scan: tuple[int, int]) -> int:
    """Height of the bar in rows for a scan ``(width, height)``."""
    return round(scan[1] * BAR_SHARE)


def with_bar(
    pixels: NDArray[np.uint8], *, pixel_size_um: float, magnification: float, kilovolts: float
) -> NDArray[np.uint8]:
    """``pixels`` (H, W) with the information bar below, (H + H/15, W)."""
    height, width = pixels.shape
    rows = bar_rows((width, height))
    bar = Image.new("L", (width, rows), 0)
    draw = ImageDraw.Draw(bar)
    # Its letters are ASCII: like many a microscope, it writes um.
    font = ImageFont.load_default(size=rows * 0.4)
    middle = rows / 2
    draw.line((0, 0, width, 0), fill=255)
    for share, text in ((0.015, f"{kilovolts:g} kV"), (0.13, f"x{magnification:,.0f}"), (0.8, "SIMULATED")):
        draw.text((share * width, middle), text, fill=255, font=font, anchor="lm")
    length_um = scale_length_um(width * pixel_size_um / 5)
    left, right = 0.4 * width, 0.4 * width + length_um / pixel_size_um
    draw.rectangle((left, middle - rows / 16, right, middle + rows / 16), fill=255)
    draw.text((right + 0.015 * width, middle), f"{length_um:g} um", fill=255, font=font, anchor="lm")
    return np.vstack([pixels, np.asarray(bar, dtype=np.uint8)])


def scale_length_um(longest_um: float) -> float:
    """The longest of 1, 2, 5 × 10^n µm that is not longer than ``longest_um``."""
    decade = 10.0 ** np.floor(np.log10(longest_um))
    return float(max(step * decade for step in (1.0, 2.0, 5.0) if step * decade <= longest_um * (1 + 1e-9)))
