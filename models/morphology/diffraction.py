"""Image sizes against a laser diffraction measurement of the same powder."""

from dataclasses import dataclass

AGREEMENT = 0.04
"""Choi et al., Mater. Horiz. 2026, 13, 727, find their image D50 within ± 4 % of laser diffraction."""


@dataclass(frozen=True)
class Diffraction:
    """D50 of laser diffraction (``psa_d50_um``) and of the images, in µm, volume- and number-weighted.

    Laser diffraction weights by volume, so that ``ratio`` and ``within`` (± 4 %) are of the volume-weighted
    D50; ``number_ratio`` is there for instruments that report numbers.
    """

    psa_d50_um: float
    d50_volume_um: float
    d50_um: float

    @property
    def ratio(self) -> float:
        """Volume-weighted D50 of the images over that of laser diffraction."""
        return self.d50_volume_um / self.psa_d50_um

    @property
    def number_ratio(self) -> float:
        """Number-weighted D50 of the images over that of laser diffraction."""
        return self.d50_um / self.psa_d50_um

    @property
    def within(self) -> bool:
        """Whether images and laser diffraction agree; False where the images have no D50."""
        return abs(self.ratio - 1.0) <= AGREEMENT
