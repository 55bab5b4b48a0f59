"""A porous polymer membrane cast by non-solvent-induced phase separation: another material and descriptors.

Polymer (bright) and pores (dark) form a bicontinuous pattern; its solid fraction follows the recipe and its
length coarsens as t^(1/3) until the polymer gels (Lifshitz–Slyozov). Trends are those of textbooks; the
absolute values are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from typing import Any

import numpy as np
from scipy import fft
from scipy.special import ndtri

from sim import electron_optics, scanning
from sim.plant import SCAN, Render, pixel_size_um

HIDDEN_SPREAD = 0.08
BATCH_SPREAD = 0.01


@dataclass(frozen=True)
class Membrane:
    """A dried membrane: area fraction of polymer, spacing of the pattern in µm, seed of its fields."""

    polymer_fraction: float
    spacing_um: float
    seed: int


class MembranePlant:
    """Casting line; ``hidden`` draws its constants from ``seed``."""

    def __init__(self, seed: int, hidden: bool = True) -> None:
        self.seed = seed
        rng = np.random.default_rng([seed, 0x6D656D])
        self.factors = np.exp(rng.normal(0.0, HIDDEN_SPREAD, size=6)) if hidden else np.ones(6)

    def duration_min(self, conditions: Mapping[str, float | str]) -> float:
        """Evaporation, then twenty minutes in the bath."""
        return float(conditions["evaporation_s"]) / 60.0 + 20.0

    def synthesise(self, conditions: Mapping[str, float | str], *, batch: int) -> Membrane:
        """Cast one membrane.

        ``polymer_wt_pct`` (wt%), ``nonsolvent_pct`` (%), ``bath_temperature_C`` (°C), ``evaporation_s`` (s).
        """
        f = self.factors
        polymer = float(conditions["polymer_wt_pct"])
        nonsolvent = float(conditions["nonsolvent_pct"])
        bath = float(conditions["bath_temperature_C"])
        evaporation = float(conditions["evaporation_s"])
        # Fraction on the logit scale, so that no recipe leaves 0–1.
        logit = (
            f[0] * 2.2 * log(polymer / 17.0) + 0.25 + f[1] * 0.006 * evaporation - f[2] * 0.012 * nonsolvent
        )
        coarsening = (1.0 + (evaporation + 15.0) / 40.0) ** (1.0 / 3.0)
        spacing = (
            1.15 * f[3] * coarsening * exp(f[4] * 0.011 * (bath - 30.0)) * (polymer / 17.0) ** (-0.5 * f[5])
        )
        day = np.random.default_rng([self.seed, batch, 0x626174]).normal(0.0, BATCH_SPREAD, size=2)
        return Membrane(
            polymer_fraction=1.0 / (1.0 + exp(-(logit + float(day[0])))),
            spacing_um=spacing * exp(float(day[1])),
            seed=int(np.random.default_rng([self.seed, batch, 0x706F77]).integers(2**31)),
        )

    def sample_from_dict(self, record: Mapping[str, Any]) -> Membrane:
        """The membrane that was written down."""
        return Membrane(**record)

    def render(
        self, sample: Membrane, *, magnification: float, field: int, scan: tuple[int, int] = SCAN
    ) -> Render:
        """Image one field; see :class:`sim.plant.Plant`."""
        pixel = pixel_size_um(magnification, scan)
        rng = np.random.default_rng([sample.seed, int(magnification), field])
        width, height = scan
        # More than the field, so that the periodicity of the transform does not show.
        shape = (fft.next_fast_len(height + height // 4), fft.next_fast_len(width + width // 4, real=True))
        across, down = fft.rfftfreq(shape[1], pixel)[None, :], fft.fftfreq(shape[0], pixel)[:, None]
        k = np.hypot(*np.broadcast_arrays(across, down), dtype=np.float32)
        peak = np.float32(1.0 / sample.spacing_um)
        band = np.exp(np.float32(-0.5) * ((k - peak) / (np.float32(0.35) * peak)) ** 2)
        # White noise has a white spectrum: it need not be transformed.
        noise = rng.standard_normal((*band.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
        wave = fft.irfft2(noise * band, s=shape, overwrite_x=True)[:height, :width]
        # The level comes from the ensemble, so that the fraction of a field scatters as in a real one.
        wave *= np.prod(shape) / (2.0 * np.sqrt(np.sum(band * band)))
        wave = scanning.along_lines(wave, scanning.drift(height, rng=rng, scale=width / SCAN[0]).x)
        level = np.float32(ndtri(1.0 - sample.polymer_fraction))
        above = wave - level
        depth = np.clip(above / np.float32(1.2), -1.0, 1.0)
        canvas = np.where(above > 0, 0.55 + 0.12 * depth, 0.18 + 0.08 * depth).astype(np.float32)
        # Edges of the skeleton emit more.
        canvas += np.float32(0.10) * np.exp(np.float32(-100.0) * above * above)
        # The interaction volume and the probe blur together.
        probe = np.hypot(0.8, 0.6 + abs(float(rng.normal(0, 0.2))))
        pixels = electron_optics.record(canvas, focus_px=float(probe), dose=400.0, rng=rng)
        truth = {"phase_fraction": sample.polymer_fraction, "spacing_um": sample.spacing_um}
        return Render(pixels, pixel, None, truth)
