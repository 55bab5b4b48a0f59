"""The constants of the co-precipitation that a plant may have of its own."""

from dataclasses import dataclass, fields, replace

import numpy as np


@dataclass(frozen=True)
class KineticConstants:
    """Kinetic and closure constants; the reference values are fitted by ``benchmarks/fit_precipitation.py``.

    Exponents act on a quantity over its value at the reference point (:data:`sim.feed.REFERENCE`).
    """

    strength_um: float = 8.818
    """Diameter of an agglomerate that breaks with ``breakage_per_min`` at the reference point."""
    strength_per_supersaturation: float = 0.3755
    """Closure: crystals that grow from a more supersaturated liquor cement the agglomerate better."""
    strength_per_hydroxide: float = 0.3624
    """Closure: hydroxide charges the surfaces and weakens the contacts (enters with a minus sign)."""
    strength_per_load: float = 0.09456
    """Closure: a faster feed lays down a looser deposit (enters with a minus sign)."""
    strength_per_age: float = 0.2183
    """Closure: necks between crystals thicken with the mean age of the solid."""
    strength_per_stirring: float = 0.25
    """Stress on an agglomerate rises with stirring (enters with a minus sign)."""
    breakage_per_min: float = 0.01235
    efficiency: float = 0.000656
    """Share of the collisions by shear of small agglomerates that hold."""
    holding: float = 0.4131
    """Size, over the strength, at which half of that share is left."""
    surface_um_per_min: float = 8.0e4
    """Surface reaction of dissolved metal, a velocity; in series with diffusion."""
    dispersion: float = 0.9475
    """Closure: variance of ln volume that a relative gain of mass adds, as agglomerates grow unequally."""
    primary_width_um: float = 0.1009
    """Width of primaries grown from the nuclei that one mole of feed makes at the reference point."""
    width_per_supersaturation: float = 0.5975
    """Closure: nuclei per mole rise with supersaturation in the feed plume (enters with a minus sign)."""
    width_per_plume: float = 0.1378
    """Closure: they rise with the metal in the plume, a collision rate (enters with a minus sign)."""
    width_per_hydroxide: float = 0.5283
    """Closure: nuclei fuse into wider crystals by oriented attachment, which hydroxide assists."""
    width_oxygen: float = 2.094
    """Closure: oxidised Mn(III) layers grow as wider plates."""
    primary_ripening_per_min: float = 0.002322
    """Rate at which the smaller primaries disappear."""
    defect_loose: float = 0.3414
    """1 − sphericity of the loose agglomerates after filling, at the reference point."""
    defect_fresh: float = 0.1507
    """1 − sphericity of what breakage and agglomeration leave, at the reference point."""
    fresh_share: float = 0.1252
    """Part of an outline that one breakage or agglomeration renews."""
    defect_per_hydroxide: float = 0.2821
    """Closure: deposits rearrange faster where hydroxide exchanges faster (enters with a minus sign)."""
    defect_per_load: float = 0.6088
    """Closure: more base and metal fed fill gaps faster (enters with a minus sign)."""
    defect_oxygen: float = 1.728
    """Closure: plates that stick out."""
    rounding_by_deposit: float = 0.1612
    """Relative loss of 1 − sphericity for a relative gain of mass."""
    rounding_per_min: float = 0.001086
    """Ripening: convex parts dissolve, concave ones fill."""
    defect_scatter: float = 1.123
    """SD of 1 − sphericity of what an event leaves, over the mean of what it came from."""
    loose_scatter: float = 0.405
    """SD over mean of 1 − sphericity of the loose agglomerates after filling."""

    def perturbed(self, seed: int, relative: float) -> "KineticConstants":
        """Constants of another plant: each multiplied by a log-normal factor of relative SD ``relative``."""
        rng = np.random.default_rng([seed, 0x6B696E])
        factors = np.exp(rng.normal(0.0, relative, size=len(fields(self))))
        return replace(
            self,
            **{
                f.name: float(getattr(self, f.name) * factor)
                for f, factor in zip(fields(self), factors, strict=True)
            },
        )
