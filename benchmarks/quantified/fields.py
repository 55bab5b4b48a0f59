"""D50, mean Ψ and SD of Ψ of hidden simulated powders, against the particles that were drawn."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

import sim.lmr
from benchmarks.compared.asked import Asked
from models.morphology import segmenter
from models.morphology.contours import outlines
from models.morphology.measures import FieldMeasurement, Image, Labels
from models.morphology.particles import ParticleMeasure, at_measuring_scale
from models.morphology.sizes import weighted_mean_sd, weighted_quantile
from models.morphology.standing import Standing, standings, touching
from sim.agglomerates import Agglomerate
from sim.lmr import LMRPlant

HIDDEN_SEEDS = range(9301, 9307)
"""Of plants that no training, tuning or test has seen."""
Conditions = dict[str, float | str]
CONDITIONS: tuple[Conditions, ...] = (
    {"pH": 10.0, "naoh_factor": 0.12, "nh4oh_factor": 0.19, "time_min": 480.0, "atmosphere": "N2"},
    {"pH": 10.7, "naoh_factor": 0.20, "nh4oh_factor": 0.15, "time_min": 120.0, "atmosphere": "N2"},
    {"pH": 10.4, "naoh_factor": 0.10, "nh4oh_factor": 0.28, "time_min": 720.0, "atmosphere": "N2"},
    {"pH": 10.1, "naoh_factor": 0.16, "nh4oh_factor": 0.14, "time_min": 240.0, "atmosphere": "O2"},
    {"pH": 10.9, "naoh_factor": 0.14, "nh4oh_factor": 0.12, "time_min": 300.0, "atmosphere": "N2"},
    {"pH": 10.2, "naoh_factor": 0.22, "nh4oh_factor": 0.24, "time_min": 600.0, "atmosphere": "N2"},
)


@dataclass
class Truth:
    """A segmenter that knows: it gives the labels that were drawn."""

    labels: Labels = field(default_factory=lambda: np.zeros((1, 1), np.int32))

    def segment(self, pixels: Image) -> Labels:
        return self.labels


@dataclass(frozen=True)
class Drawn:
    pixels: Image
    labels: Labels
    particles: list[Agglomerate]
    pixel_um: float


class Watched:
    """The plant's own scattering of particles, which remembers what it scattered."""

    def __init__(self) -> None:
        self.particles: list[Agglomerate] = []
        self._scatter = sim.lmr.scatter

    def __call__(self, **given: Any) -> list[Agglomerate]:
        self.particles = self._scatter(**given)
        return self.particles


def fields_of(number: int, seed: int, conditions: Conditions) -> Iterator[Drawn]:
    """Fields at 3000× of one batch of a hidden plant, with the particles that were drawn."""
    plant, watched = LMRPlant(seed), Watched()
    powder = plant.synthesise(conditions, batch=3)
    for index in range(number):
        with mock.patch("sim.lmr.scatter", watched):
            shot = plant.render(powder, magnification=3000, field=index)
        assert shot.labels is not None
        pixels = shot.pixels / np.float32(255)
        yield Drawn(pixels, shot.labels.astype(np.int32), watched.particles, shot.pixel_size_um)


def print_fields(number: int, names: list[str], free: float, asked: Asked) -> None:
    truth = Truth()
    chosen: dict[str, ParticleMeasure] = {}
    for name, by in {"true masks": truth, **{name: segmenter(name) for name in names}}.items():
        chosen[name] = ParticleMeasure(by)
        chosen[f"{name}, Ψ ≤ {free:g}"] = ParticleMeasure(by, touching_limit=free)
    errors: dict[str, list[tuple[float, ...]]] = {name: [] for name in chosen}
    singles: list[NDArray[np.float64]] = []
    print(f"\nFields: {number} of each of {len(CONDITIONS)} hidden powders; errors in % of D50, Ψ, SD of Ψ")
    print(
        "against the particles whose centre lies in the frame; 'selection': exact values of those measured,\n"
        f"what frame and occlusion leave of the truth; 'Ψ ≤ {free:g}': Ψ only of particles of whose outline\n"
        "no more touches others; n: particles measured"
    )
    for seed, conditions in zip(HIDDEN_SEEDS, CONDITIONS, strict=True):
        found: dict[str, list[FieldMeasurement]] = {name: [] for name in chosen}
        inside, selected = [], []
        for one in fields_of(number, seed, conditions):
            truth.labels = one.labels
            for name, by in chosen.items():
                found[name].append(by.measure(one.pixels, one.pixel_um))
            height, width = (side * one.pixel_um for side in one.pixels.shape)
            exact = np.array([(p.x, p.y, 2 * p.radius, p.sphericity) for p in one.particles])
            centred = (exact[:, 0] > 0) & (exact[:, 0] < width) & (exact[:, 1] > 0) & (exact[:, 1] < height)
            inside.append(exact[centred, 2:])
            measured = found["true masks"][-1].samples
            index = measured["label"].astype(int) - 1
            selected.append(np.column_stack([exact[index, 2:], measured["weight"]]))
            singles.append(_by_touch(one, exact))
        size, shape = np.concatenate(inside).T
        true = (float(np.median(size)), float(shape.mean()), float(shape.std(ddof=1)))
        size, shape, weight = np.concatenate(selected).T
        best = (float(weighted_quantile(size, weight, 0.5)[0]), *weighted_mean_sd(shape, weight))
        line = [f"pH {conditions['pH']} {conditions['atmosphere']}"]
        line.append(f"D50 {true[0]:.2f} µm, Ψ {true[1]:.3f} ± {true[2]:.3f}")
        line.append(f"selection {_percent(best, true)}")
        for name, fields in found.items():
            pooled = ParticleMeasure().pool(fields)
            got = (pooled["d50_um"], pooled["sphericity_mean"], pooled["sphericity_sd"])
            errors[name].append(tuple(g / t - 1 for g, t in zip(got, true, strict=True)))
            line.append(f"{name} n {sum(one.n for one in fields)} {_percent(got, true)}")
        print(" | ".join(line), flush=True)
    for name, rows in errors.items():
        mean, worst = np.mean(rows, axis=0), np.abs(rows).max(axis=0)
        print(f"{name:>20}: mean {_cells(mean)}, worst {_cells(worst)} %")
        if name == "learned":
            # Of the worst powder: errors of several could cancel.
            asked.most(f"D50, worst of {len(rows)} hidden powders", 100 * worst[0], 3.0, "%")
            asked.most(f"mean Ψ, worst of {len(rows)} hidden powders", 100 * worst[1], 2.0, "%")
            asked.most(f"SD of Ψ, worst of {len(rows)} hidden powders", 100 * worst[2], 10.0, "%")
    print(
        "\nSingle particles, true masks, by the share of the outline that touches others: mean ± SD of errors"
    )
    share, size_error, shape_error = np.concatenate(singles).T
    for low, high in ((-1.0, 0.0), (0.0, 0.05), (0.05, 0.1), (0.1, 0.15), (0.15, 0.2), (0.2, 0.25)):
        part = (share > low) & (share <= high)
        d, s = size_error[part], shape_error[part]
        name = "none" if high == 0 else f"up to {high:.2f}"
        print(
            f"{name:>12}: n {part.sum():4d}, D {100 * d.mean():+.2f} ± {100 * d.std():.2f} %, "
            f"Ψ {s.mean():+.4f} ± {s.std():.4f}"
        )


def _by_touch(one: Drawn, exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the outline that touches, relative error of the diameter, error of Ψ; per whole particle."""
    whole = np.flatnonzero(standings(one.labels) == Standing.WHOLE) + 1
    whole = whole[np.bincount(one.labels.ravel())[whole] > 0]
    share = touching(one.labels)[whole - 1]
    coarse, labels, factor = at_measuring_scale(one.pixels, one.labels)
    found = outlines(coarse, labels, whole)
    true = exact[whole - 1]
    rows = np.column_stack(
        [
            share,
            found.diameter * factor * one.pixel_um / true[:, 2] - 1,
            found.sphericity - true[:, 3],
        ]
    )
    return rows[np.isfinite(rows).all(axis=1)]


def _percent(got: tuple[float, ...], true: tuple[float, ...]) -> str:
    return _cells([g / t - 1 for g, t in zip(got, true, strict=True)])


def _cells(errors: list[float] | NDArray[np.float64]) -> str:
    return "/".join(f"{100 * one:+.1f}" for one in errors)
