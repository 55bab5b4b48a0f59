"""The Li- and Mn-rich precursor plant: a hidden truth behind a co-precipitation reactor and an SEM."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim import electron_optics, primaries, scanning
from sim.agglomerates import Agglomerate, scatter
from sim.plant import SCAN, Render, pixel_size_um
from sim.precipitation import KineticConstants, PowderState, precipitate

CLOSE_UP_UM = 16.0
"""Fields narrower than this are taken by centring on a particle."""
HIDDEN_SPREAD = 0.08
"""Relative SD of the kinetic constants of a hidden plant about the published ones."""
PROBE_OFFSET_SD = 0.05
RELIEF_CONTRAST = 0.09
ROUGHNESS, MOST_ROUGHNESS_UM = 0.25, 0.035
"""SD of the outline about its smooth form, as a share of the primaries' width; plates lie flat."""
BATCH_SPREAD = 0.012


@dataclass(frozen=True)
class Powder:
    """A dried sample on its stub; ``seed`` fixes every field that can be taken of it."""

    state: PowderState
    seed: int


class LMRPlant:
    """Ni0.33Mn0.67(OH)2 by co-precipitation.

    ``hidden``: kinetic constants and the offset of the pH probe are drawn from ``seed``, so that the plant is
    not the one that data for training came from; otherwise they are the published ones and only the scatter
    between batches remains.
    """

    def __init__(self, seed: int, hidden: bool = True) -> None:
        self.seed = seed
        self.constants = KineticConstants()
        self.probe_offset = 0.0
        if hidden:
            self.constants = self.constants.perturbed(seed, HIDDEN_SPREAD)
            self.probe_offset = float(np.random.default_rng([seed, 0x7068]).normal(0.0, PROBE_OFFSET_SD))

    def duration_min(self, conditions: Mapping[str, float | str]) -> float:
        """The reaction time asked for, in minutes."""
        return float(conditions["time_min"])

    def synthesise(self, conditions: Mapping[str, float | str], *, batch: int) -> Powder:
        """Run the reactor at the set-points; its probe reads ``probe_offset`` too high."""
        actual = {**conditions, "pH": float(conditions["pH"]) - self.probe_offset}
        state = precipitate(actual, self.constants)
        day = np.random.default_rng([self.seed, batch, 0x626174]).normal(0.0, BATCH_SPREAD, size=3)
        state = replace(
            state,
            diameter_um=state.diameter_um * float(np.exp(day[0])),
            defect_mean=state.defect_mean * float(np.exp(day[1])),
            primary_width_um=state.primary_width_um * float(np.exp(day[2])),
        )
        return Powder(state, seed=int(np.random.default_rng([self.seed, batch, 0x706F77]).integers(2**31)))

    def sample_from_dict(self, record: Mapping[str, Any]) -> Powder:
        """The powder that was written down."""
        return Powder(PowderState(**record["state"]), int(record["seed"]))

    def render(
        self, sample: Powder, *, magnification: float, field: int, scan: tuple[int, int] = SCAN
    ) -> Render:
        """Image one field; see :class:`sim.plant.Plant`."""
        pixel = pixel_size_um(magnification, scan)
        rng = np.random.default_rng([sample.seed, int(magnification), field])
        state = sample.state
        extent = (scan[0] * pixel, scan[1] * pixel)
        particles = scatter(
            median_um=state.diameter_um,
            log_sd=state.diameter_log_sd,
            defect_mean=state.defect_mean,
            defect_sd=state.defect_sd,
            extent_um=extent,
            centred=extent[0] < CLOSE_UP_UM,
            rng=rng,
        )
        width_px = state.primary_width_um / pixel
        size = 1024 if scan[0] > 640 and extent[0] < CLOSE_UP_UM else 512
        canvas, labels = electron_optics.paint(
            particles,
            shape=(scan[1], scan[0]),
            pixel_um=pixel,
            relief=primaries.relief(round(width_px, 3), round(state.primary_aspect, 3), size, sample.seed),
            # Primaries finer than the probe average out.
            relief_gain=RELIEF_CONTRAST * min(1.0, width_px / 4.5),
            roughness_px=min(ROUGHNESS * state.primary_width_um, MOST_ROUGHNESS_UM) / pixel,
            path=scanning.drift(scan[1], rng=rng, scale=scan[0] / SCAN[0]),
            rng=rng,
        )
        focus = abs(float(rng.normal(0.0, 0.25))) + 0.8 * scan[0] / SCAN[0]
        pixels = electron_optics.record(canvas, focus_px=focus, dose=450.0 * SCAN[0] / scan[0], rng=rng)
        return Render(pixels, pixel, labels, _truth(state, particles, extent))


def _truth(state: PowderState, particles: list[Agglomerate], extent: tuple[float, float]) -> dict[str, float]:
    inside = [p for p in particles if 0 <= p.x < extent[0] and 0 <= p.y < extent[1]] or particles
    roundness = np.array([p.sphericity for p in inside])
    return {
        "d50_um": state.diameter_um,
        "sphericity_mean": float(roundness.mean()),
        "sphericity_sd": float(roundness.std()),
        "primary_width_um": state.primary_width_um,
        "particles": float(len(inside)),
    }
