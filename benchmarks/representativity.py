"""Time and coverage of the two representativity estimators, side by side on the same images.

``python benchmarks/representativity.py`` prints CPU time against one real FFT of the image, which estimators
by two-point correlation need, and the coverage of 95 % intervals on structures whose truth is known.
"""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from models.representativity import estimate

CROPS = 60


def cpu_seconds(work: Callable[[], object]) -> float:
    work()
    start, repeats = time.process_time(), 3
    for _ in range(repeats):
        work()
    return (time.process_time() - start) / repeats


def gaussian(rng: np.random.Generator, side: int, sigma: float) -> NDArray[np.uint8]:
    """A level cut of smoothed noise; half of it is solid."""
    noise = ndimage.gaussian_filter(rng.standard_normal((side, side), dtype=np.float32), sigma, mode="wrap")
    return np.asarray(noise > 0, np.uint8)


def discs(rng: np.random.Generator, side: int, radius: float) -> NDArray[np.uint8]:
    """A Boolean model of discs whose expected fraction is 1 − exp(−0.5)."""
    centres = np.ones((side, side), bool)
    number = rng.poisson(0.5 * side**2 / (np.pi * radius**2))
    centres[rng.integers(side, size=number), rng.integers(side, size=number)] = False
    tiled = np.pad(centres, int(radius) + 1, mode="wrap")
    inside = ndimage.distance_transform_edt(tiled) < radius
    margin = int(radius) + 1
    return np.asarray(inside[margin:-margin, margin:-margin], np.uint8)


def main() -> None:
    rng = np.random.default_rng(0)
    print("CPU time, as a multiple of one real FFT of the image")
    print(f"{'size':>6} {'FFT ms':>8} {'imagerep':>10} {'calibrated':>11} {'ratio':>7}")
    for side in (512, 1000, 2000):
        image = gaussian(rng, side, 6.0)
        single = image.astype(np.float32)
        peer = cpu_seconds(lambda x=single: fft.rfftn(x))
        took = [cpu_seconds(lambda m=m, x=image: estimate(x, method=m)) for m in ("imagerep", "calibrated")]
        print(
            f"{side:>6} {1e3 * peer:>8.1f} {took[0] / peer:>10.2f} {took[1] / peer:>11.3f} "
            f"{took[0] / took[1]:>7.0f}"
        )
    print(f"\nCoverage of 95 % intervals ({CROPS} fields each)")
    print(f"{'structure':>22} {'imagerep':>10} {'calibrated':>11}")
    structures: dict[str, tuple[Callable[[], NDArray[np.uint8]], float]] = {
        "Gaussian σ 6, 256 px": (lambda: gaussian(rng, 512, 6.0)[:256, :256], 0.5),
        "discs r 9, 256 px": (lambda: discs(rng, 256, 9.0), 1 - np.exp(-0.5)),
        "discs r 9, 512 px": (lambda: discs(rng, 512, 9.0), 1 - np.exp(-0.5)),
    }
    for name, (draw, truth) in structures.items():
        hits = np.zeros(2)
        for _ in range(CROPS):
            field = draw()
            for k, method in enumerate(("imagerep", "calibrated")):
                low, high = estimate(field, method=method).ci
                hits[k] += low <= truth <= high
        print(f"{name:>22} {hits[0] / CROPS:>10.2f} {hits[1] / CROPS:>11.2f}")


if __name__ == "__main__":
    main()
