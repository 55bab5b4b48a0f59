"""What is fed to the stirred tank, and what follows from it alone: the same all through a batch.

The NaOH pump has a nominal share of the feed, ``naoh_factor``; the metal pump follows it in the
stoichiometric ratio, and water makes up a feed that fills the tank in ``RESIDENCE_MIN``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log

from sim.kinetics import KineticConstants
from sim.speciation import speciate

NAOH_STOCK_M, NH4OH_STOCK_M = 6.0, 3.0
RESIDENCE_MIN = 110.0
METAL_SHARES = {"Ni": 0.33, "Mn": 0.67}
PLUME_MIN, PLUME_SHARE = 0.01, 1.0e-3
"""How long feed stays in its plume at 1000 rpm and what share of the tank the plume takes."""

REFERENCE: dict[str, float | str] = {
    "pH": 10.4,
    "naoh_factor": 0.14,
    "nh4oh_factor": 0.16,
    "atmosphere": "N2",
}


@dataclass(frozen=True)
class Feed:
    """What enters and what the liquor is held at, from the conditions of a batch.

    Rates are in mol per L of tank and min. Shares and speed are held at small positive values, so that an
    idle pump makes next to nothing and no error.
    """

    pH: float
    temperature_C: float
    stirring: float
    """Speed over 1000 rpm."""
    oxygen: bool
    residence_min: float
    metal: float
    ammonia: float
    """Of the mixed feed, mol/L."""

    @classmethod
    def of(cls, conditions: Mapping[str, float | str]) -> "Feed":
        """Read ``conditions``; see :func:`sim.precipitation.precipitate`."""
        base = max(float(conditions["naoh_factor"]), 0.005)
        ammonia = max(float(conditions["nh4oh_factor"]), 0.0)
        total_metal = float(conditions.get("total_metal_M", 2.0))
        metal = base * NAOH_STOCK_M / (2.0 * total_metal)
        # Pumps that together exceed the nominal feed leave no room for water and shorten the residence.
        through = max(1.0, base + ammonia + metal)
        return cls(
            pH=float(conditions["pH"]),
            temperature_C=float(conditions.get("temperature_C", 50.0)),
            stirring=max(float(conditions.get("stirring_rpm", 1000.0)), 50.0) / 1000.0,
            oxygen=str(conditions.get("atmosphere", "N2")) == "O2",
            residence_min=RESIDENCE_MIN / through,
            metal=metal * total_metal / RESIDENCE_MIN,
            ammonia=ammonia * NH4OH_STOCK_M / through,
        )

    @property
    def plume(self) -> float:
        """Metal in the plume before it reacts, mol/L; better stirring takes it away faster."""
        return self.metal * PLUME_MIN / PLUME_SHARE / self.stirring

    def plume_supersaturation(self) -> float:
        """S = Ω^(1/3) of the solid solution in the plume, at the pH and the ammonia of the tank."""
        s = speciate(
            pH=self.pH,
            nickel=METAL_SHARES["Ni"] * self.plume,
            manganese=METAL_SHARES["Mn"] * self.plume,
            ammonia=self.ammonia,
            temperature_C=self.temperature_C,
        )
        return exp(sum(x * log(s.saturation[m] / x) for m, x in METAL_SHARES.items()) / 3.0)

    def hydroxide(self) -> float:
        """[OH−], mol/L."""
        return speciate(
            pH=self.pH, nickel=0.0, manganese=0.0, ammonia=0.0, temperature_C=self.temperature_C
        ).hydroxide


@lru_cache(maxsize=1)
def _reference() -> tuple[float, float, float, float]:
    feed = Feed.of(REFERENCE)
    return feed.plume_supersaturation(), feed.hydroxide(), feed.metal, feed.plume


@dataclass(frozen=True)
class Closures:
    """What the empirical relations make of feed and constants: the same from the first minute to the last."""

    strength_um: float
    fresh_width_um: float
    defect: float
    """Factor on both defects of the constants."""

    @classmethod
    def of(cls, feed: Feed, k: KineticConstants) -> "Closures":
        """Products of powers of supersaturation, hydroxide, load and stirring over their reference values."""
        s0, oh0, metal0, plume0 = _reference()
        supersaturation = log(feed.plume_supersaturation() / s0)
        hydroxide = log(feed.hydroxide() / oh0)
        load, plume = log(feed.metal / metal0), log(feed.plume / plume0)
        stirring = log(feed.stirring)
        return cls(
            strength_um=k.strength_um
            * exp(
                k.strength_per_supersaturation * supersaturation
                - k.strength_per_hydroxide * hydroxide
                - k.strength_per_load * load
                - k.strength_per_stirring * stirring
            ),
            fresh_width_um=k.primary_width_um
            * exp(
                k.width_per_hydroxide * hydroxide
                - k.width_per_supersaturation * supersaturation
                - k.width_per_plume * plume
            )
            * (k.width_oxygen if feed.oxygen else 1.0),
            defect=exp(-k.defect_per_hydroxide * hydroxide - k.defect_per_load * load)
            * (k.defect_oxygen if feed.oxygen else 1.0),
        )
