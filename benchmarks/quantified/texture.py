"""What gain, offset, noise, defocus, rotation and magnification do to the texture of close-ups."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.compared.asked import Asked
from models.morphology import measure_of
from models.morphology.measures import Image
from sim.lmr import LMRPlant


def print_texture(asked: Asked) -> None:
    rng = np.random.default_rng(78)
    fields = []
    for seed in range(9500, 9508):
        conditions: dict[str, float | str] = {
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
        if name.startswith(("gain", "offset")):
            asked.most(f"texture, {name}: worst change", 100 * np.abs(apart / base).max(), 1.0, "%")


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
