"""What to tell a person besides the numbers: where the suppositions of an interval may not hold."""

import numpy as np
from scipy import fft

from models.representativity.indicator import Indicator

INDEPENDENT_SAMPLES = 30
VALIDATED_SIDE_PX = {2: 200, 3: 64}
PERIODIC_CROP_PX = 256
PERIODIC_SHARE = 0.4
PERIODIC_CYCLES = 4


def remarks(images: list[Indicator], effective_samples: float) -> list[str]:
    """Remarks on images that are small, periodic, or hold few independent samples (a trend looks so too)."""
    found = []
    shortest = min(min(image.shape) for image in images)
    if shortest < VALIDATED_SIDE_PX[images[0].ndim]:
        found.append(
            f"The shortest side has {shortest} px; intervals are checked from 200 px (volumes: 64) on."
        )
    if any(_is_periodic(image) for image in images):
        found.append("The structure is periodic; the interval supposes a random one.")
    if effective_samples < INDEPENDENT_SAMPLES:
        found.append(
            f"The image holds fewer than {INDEPENDENT_SAMPLES} independent samples "
            "(coarse features or a trend); the interval is uncertain."
        )
    return found


def _is_periodic(image: Indicator) -> bool:
    """Whether four Fourier lines hold more than 40 % of the variance (random structures: at most 22 %)."""
    planes = [image] if image.ndim == 2 else [image[len(image) // 2], image[:, image.shape[1] // 2]]
    for plane in planes:
        crop = plane[:PERIODIC_CROP_PX, :PERIODIC_CROP_PX].astype(np.float32)
        spectrum = fft.rfft2(crop - crop.mean(), overwrite_x=True)
        power = spectrum.real**2 + spectrum.imag**2
        wanted = PERIODIC_SHARE * float(power.sum())
        # Structures that are coarse for the crop have few lines too, but at its lowest frequencies.
        power[:PERIODIC_CYCLES, :PERIODIC_CYCLES] = 0
        power[-PERIODIC_CYCLES + 1 :, :PERIODIC_CYCLES] = 0
        # The strongest of four lines holds a quarter of what they hold.
        if power.max() > wanted / 4 > 0 and np.partition(power.ravel(), -4)[-4:].sum() > wanted:
            return True
    return False
