"""What a simulated plant offers to the simulated devices: it makes samples and lets them be looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

SCAN = (1280, 960)
"""Pixels of a full scan, (width, height)."""

# Vendors give the magnification of a print 127 mm wide (4×5 inch film).
PRINT_WIDTH_UM = 127_000.0


def pixel_size_um(magnification: float, scan: tuple[int, int] = SCAN) -> float:
    """Pixel size in µm of a scan ``(width, height)`` at ``magnification``."""
    return PRINT_WIDTH_UM / magnification / scan[0]


@dataclass(frozen=True)
class Render:
    """One field of view: ``pixels`` (H, W) uint8, and the truth behind it on request.

    ``labels`` (H, W) uint16 are the visible particles, 0 = background; ``truth`` holds the descriptors
    of what the field was drawn from, by name.
    """

    pixels: NDArray[np.uint8]
    pixel_size_um: float
    labels: NDArray[np.uint16] | None
    truth: Mapping[str, float]


SampleT = TypeVar("SampleT")


class Plant(Protocol, Generic[SampleT]):
    """A material behind the devices. A sample depends on the seed, the batch and the conditions alone."""

    def synthesise(self, conditions: Mapping[str, float | str], *, batch: int) -> SampleT:
        """Make the sample of one batch; ``batch`` counts the starts of the reactor."""
        ...

    def sample_from_dict(self, record: Mapping[str, Any]) -> SampleT:
        """The sample that ``dataclasses.asdict`` wrote down."""
        ...

    def duration_min(self, conditions: Mapping[str, float | str]) -> float:
        """How long the synthesis takes, in minutes."""
        ...

    def render(
        self,
        sample: SampleT,
        *,
        magnification: float,
        field: int,
        scan: tuple[int, int] = SCAN,
    ) -> Render:
        """Image one field of view; the same arguments give the same pixels."""
        ...
