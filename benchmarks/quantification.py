"""How true the measured sizes, shapes and textures are, and where their errors come from.

Usage: python -m benchmarks.quantification [outlines|fields|texture] [--fields 20] [--segmenters classical …]

``outlines``: bias and scatter of the outline estimator on drawn particles of known form, 8 to 200 px across,
with the true masks. ``fields``: D50, mean Ψ and SD of Ψ of simulated precursors from hidden plants that
nothing was tuned on, against the particles that were drawn, with the true masks and with segmenters; and the
error of single particles by how much of their outline touches others. ``texture``: what gain, offset, noise,
defocus, rotation and magnification do to the texture of close-ups. Without a word: all three.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import sim.lmr
from models.morphology import measure_of, segmenter
from models.morphology.contours import outlines
from models.morphology.learned.segmenter import SHIPPED
from models.morphology.measures import FieldMeasurement, Image, Labels
from models.morphology.particles import ParticleMeasure, at_measuring_scale
from models.morphology.sizes import weighted_mean_sd, weighted_quantile
from models.morphology.standing import Standing, standings, touching
from sim.agglomerates import Agglomerate
from sim.lmr import LMRPlant

DIAMETERS = (8, 10, 13, 16, 20, 25, 30, 45, 60, 100, 150, 200)
PARTICLES = 36
ANGLES = np.linspace(0, 2 * np.pi, 2048, endpoint=False)
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


def form(kind: str, diameter: float, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Radius in px over :data:`ANGLES`, and Ψ of the form without its roughness."""
    r = np.ones_like(ANGLES)
    if kind == "ellipse 3:2":
        r = 1 / np.hypot(np.cos(ANGLES) / 1.5, np.sin(ANGLES))
        r = np.roll(r, rng.integers(len(r)))
    elif kind != "disc":
        k = np.arange(2, 9)[:, None]
        waves = rng.normal(size=k.shape) / k**1.15 * np.cos(k * ANGLES + rng.uniform(0, 2 * np.pi, k.shape))
        r = r + 0.06 * waves.sum(axis=0) / waves.sum(axis=0).std()
    z = r * np.exp(1j * ANGLES)
    step = np.roll(z, -1) - z
    area = 0.5 * float((z.conj() * step).imag.sum())
    r *= diameter / 2 / np.sqrt(area / np.pi)
    if kind == "rough":
        # Primaries fray the outline by a pixel, in waves shorter than any of its form.
        waves = np.fft.rfft(rng.normal(size=len(r)))
        waves[:24] = waves[max(25, round(diameter)) :] = 0
        fray = np.fft.irfft(waves, len(r))
        r += min(1.0, diameter / 40) * fray / fray.std()
    return r, float(4 * np.pi * area / np.abs(step).sum() ** 2)


def drawn(kind: str, diameter: float, rng: np.random.Generator) -> tuple[Image, Labels, NDArray[np.float64]]:
    """A field of particles of one diameter in px that do not touch, its labels, and Ψ of each.

    Limbs are brighter than faces, as secondary electrons make them.
    """
    pitch = round(1.35 * diameter) + 8
    side = round(np.sqrt(PARTICLES))
    image, labels = np.full((side * pitch,) * 2, 0.16), np.zeros((side * pitch,) * 2, np.int32)
    true = np.empty(side**2)
    y, x = np.mgrid[:pitch, :pitch] + 0.5
    for index in range(side**2):
        r, true[index] = form(kind, diameter, rng)
        cx, cy = pitch / 2 + rng.uniform(-0.5, 0.5, 2)
        angle = np.arctan2(y - cy, x - cx) % (2 * np.pi)
        edge = np.interp(angle, ANGLES, r, period=2 * np.pi)
        away = np.hypot(y - cy, x - cx)
        face = 0.45 + 0.055 * (1 / np.sqrt(np.clip(1 - (away / edge) ** 2, 0.02, 1)) - 1)
        inside = edge - away
        row, column = divmod(index, side)
        place = np.s_[row * pitch : (row + 1) * pitch, column * pitch : (column + 1) * pitch]
        image[place] += np.clip(inside + 0.5, 0, 1) * (face - 0.16)
        labels[place][inside > 0] = index + 1
    image = ndimage.gaussian_filter(image, 0.8) + rng.normal(0, 0.015, image.shape)
    return image.astype(np.float32), labels, true


def print_outlines() -> None:
    kinds = ("disc", "ellipse 3:2", "lobed", "rough")
    print("Outlines: bias of the diameter (%), bias ± scatter of Ψ; true masks, probe of 0.8 px, noise 1.5 %")
    print(f"{'px':>4} " + " ".join(f"{kind:>24}" for kind in kinds))
    for diameter in DIAMETERS:
        cells = []
        for kind in kinds:
            image, labels, true = drawn(kind, diameter, np.random.default_rng([diameter, *kind.encode()]))
            coarse, coarse_labels, factor = at_measuring_scale(image, labels)
            found = outlines(coarse, coarse_labels, np.arange(1, len(true) + 1))
            size = np.nanmean(found.diameter) * factor / diameter - 1
            apart = np.minimum(found.sphericity, 1.0) - true
            cells.append(f"{100 * size:+6.1f} % {np.nanmean(apart):+7.4f} ± {np.nanstd(apart):.4f}")
        print(f"{diameter:>4} " + " ".join(f"{cell:>24}" for cell in cells), flush=True)


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


def print_fields(number: int, names: list[str], free: float) -> None:
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


def print_texture() -> None:
    rng = np.random.default_rng(78)
    fields = []
    for seed in range(9500, 9508):
        conditions: Conditions = {
            "pH": float(rng.uniform(9.8, 11)),
            "naoh_factor": float(rng.uniform(0.08, 0.25)),
            "nh4oh_factor": float(rng.uniform(0.09, 0.29)),
            "time_min": float(rng.uniform(60, 720)),
            "atmosphere": "N2",
        }
        plant = LMRPlant(seed)
        shot = plant.render(plant.synthesise(conditions, batch=0), magnification=15000, field=0)
        fields.append((shot.pixels / np.float32(255), shot.pixel_size_um))

    def texture(change: Callable[[Image], Image], scale: float = 1.0) -> NDArray[np.float64]:
        measure = measure_of("texture")
        found = [[measure.measure(np.asarray(change(p), np.float32), px / scale)] for p, px in fields]
        return np.array([measure.pool(one)["texture_mean"] for one in found])

    def eight_bits(p: Image) -> Image:
        return np.asarray(np.clip(np.round(p * 255), 0, 255) / 255, np.float32)

    noise = np.random.default_rng(1).standard_normal(fields[0][0].shape).astype(np.float32)
    plain = texture(lambda p: p)
    print(
        f"\nTexture of {len(fields)} close-ups, {plain.min():.2f} to {plain.max():.2f}; mean and worst change"
    )
    changes: dict[str, tuple[Callable[[Image], Image], float]] = {
        "gain × 0.5": (lambda p: p * np.float32(0.5), 1.0),
        "gain × 2": (lambda p: p * np.float32(2), 1.0),
        "offset + 0.2 of the range": (lambda p: p + np.float32(0.2), 1.0),
        "offset − 0.2 of the range": (lambda p: p - np.float32(0.2), 1.0),
        "gain × 0.5, 8 bits": (lambda p: eight_bits(p * np.float32(0.5)), 1.0),
        "offset + 20 % of the mean, 8 bits": (lambda p: eight_bits(p + np.float32(0.2) * p.mean()), 1.0),
        "offset − 20 % of the mean, 8 bits": (lambda p: eight_bits(p - np.float32(0.2) * p.mean()), 1.0),
        **{
            f"noise, SD {levels} of 255": (lambda p, s=levels: p + np.float32(s / 255) * noise, 1.0)
            for levels in (5, 10, 25)
        },
        **{
            f"defocus, SD {blur} px more": (lambda p, b=blur: ndimage.gaussian_filter(p, b), 1.0)
            for blur in (0.5, 1.0, 1.5, 2.5)
        },
        "rotation by 90°": (lambda p: np.rot90(p).copy(), 1.0),
        **{f"rotation by {degrees}°": (lambda p, d=degrees: _turned(p, d), 1.0) for degrees in (10, 45)},
        **{
            f"magnification {100 * (by - 1):+.0f} %, not told": (lambda p, b=by: _zoomed(p, b), 1.0)
            for by in (0.95, 1.05)
        },
        **{
            f"magnification {100 * (by - 1):+.0f} %, told": (lambda p, b=by: _zoomed(p, b), by)
            for by in (0.95, 1.05)
        },
    }
    for name, (change, scale) in changes.items():
        # A turned field lacks its corners; so does the one it is compared with.
        base = texture(lambda p: _middle(p, 0.0)) if "rotation by" in name and "90" not in name else plain
        apart = texture(change, scale) - base
        worst = float(np.abs(apart).max())
        print(
            f"{name:>36}: {apart.mean():+.4f}, worst {worst:.4f} "
            f"({100 * np.abs(apart / base).max():.2f} % of the value)"
        )


def _middle(pixels: Image, degrees: float) -> Image:
    turned = ndimage.rotate(pixels, degrees, reshape=False, order=3, mode="reflect") if degrees else pixels
    height, width = pixels.shape
    side = round(0.7 * min(height, width))
    top, left = (height - side) // 2, (width - side) // 2
    return np.asarray(turned[top : top + side, left : left + side], np.float32)


def _turned(pixels: Image, degrees: float) -> Image:
    return _middle(pixels, degrees)


def _zoomed(pixels: Image, by: float) -> Image:
    return np.asarray(ndimage.zoom(pixels, by, order=3), np.float32)


def _there() -> list[str]:
    """The segmenters that need nothing but what is shipped."""
    return ["classical", "learned"] if SHIPPED.exists() else ["classical"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("outlines", "fields", "texture"))
    parser.add_argument("--fields", type=int, default=20, help="fields of each powder (default 20)")
    parser.add_argument(
        "--touching",
        type=float,
        default=0.25,
        help="Ψ also of particles that touch no more (default 0.25: of all)",
    )
    parser.add_argument("--segmenters", nargs="*", default=_there(), help="default: those there are")
    options = parser.parse_args()
    if options.what in (None, "outlines"):
        print_outlines()
    if options.what in (None, "fields"):
        print_fields(options.fields, options.segmenters, options.touching)
    if options.what in (None, "texture"):
        print_texture()


if __name__ == "__main__":
    main()
