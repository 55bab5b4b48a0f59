"""The particles that lie in one field of view: sizes, outlines and places."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HARMONICS = np.arange(2, 9)
OUTLINE_POINTS = 256
COVERAGE = 0.62
"""Area fraction of the stub that particles would cover if none overlapped."""
CONTACT = 0.93
"""Closest approach of two centres as a fraction of the sum of their radii: slight overlap is allowed."""


@dataclass(frozen=True)
class Agglomerate:
    """One particle: centre and radius in µm, outline radius relative to ``radius`` over equal angles."""

    x: float
    y: float
    radius: float
    outline: NDArray[np.float32]
    sphericity: float
    seed: int


def outline(defect: float, rng: np.random.Generator) -> tuple[NDArray[np.float32], float]:
    """An outline of unit equivalent radius with 1 − 4πA/P² near ``defect``, and its exact sphericity.

    To second order 1 − Ψ = Σ (k²−1)·a_k²/2 for r = 1 + Σ a_k cos(kθ + φ_k).
    """
    weights = rng.normal(size=HARMONICS.size) / HARMONICS**1.15
    scale = np.sqrt(2.0 * max(defect, 0.0) / np.sum((HARMONICS**2 - 1) * weights**2))
    amplitudes = np.clip(scale * weights, -0.25, 0.25)
    theta = np.linspace(0.0, 2.0 * np.pi, OUTLINE_POINTS, endpoint=False)
    phase = rng.uniform(0.0, 2.0 * np.pi, size=HARMONICS.size)
    r = 1.0 + (amplitudes[:, None] * np.cos(HARMONICS[:, None] * theta + phase[:, None])).sum(axis=0)
    r = np.clip(r, 0.4, None)
    x, y = r * np.cos(theta), r * np.sin(theta)
    area = 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    perimeter = float(np.hypot(np.diff(x, append=x[0]), np.diff(y, append=y[0])).sum())
    return (r / np.sqrt(area / np.pi)).astype(np.float32), 4.0 * np.pi * area / perimeter**2


def scatter(
    *,
    median_um: float,
    log_sd: float,
    defect_mean: float,
    defect_sd: float,
    extent_um: tuple[float, float],
    centred: bool,
    rng: np.random.Generator,
) -> list[Agglomerate]:
    """Particles over a field ``extent_um`` = (width, height), whole ones and those cut by its edge.

    ``centred`` puts a particle under the centre of the field, as an operator does at high magnification.
    The order of the list is the order of drawing: what comes later lies on top.
    """
    width, height = extent_um
    margin = 1.6 * median_um
    area = (width + 2 * margin) * (height + 2 * margin)
    mean_area = np.pi / 4.0 * median_um**2 * np.exp(2.0 * log_sd**2)
    number = max(4, int(rng.poisson(COVERAGE * area / mean_area)))
    radii = 0.5 * median_um * np.exp(log_sd * rng.standard_normal(number))
    if not centred:
        # Large ones first: a gap that is left takes a small particle more easily, and sizes stay unbiased.
        radii = np.sort(radii)[::-1]
    placed = np.empty((0, 3))
    for index, radius in enumerate(radii):
        if centred and index == 0:
            offset = rng.uniform(-0.2, 0.2, size=2) * radius
            place = np.array([width / 2 + offset[0], height / 2 + offset[1]])
        else:
            tries = rng.uniform([-margin, -margin], [width + margin, height + margin], size=(200, 2))
            place = _free_place(tries, placed, radius)
        placed = np.vstack([placed, [place[0], place[1], radius]])
    # A gamma distribution keeps 1 − Ψ positive and right-skewed.
    shape = (defect_mean / defect_sd) ** 2
    particles = []
    for x, y, radius in placed[rng.permutation(number)]:
        seed = int(rng.integers(2**31))
        own = np.random.default_rng(seed)
        form, sphericity = outline(float(own.gamma(shape, defect_mean / shape)), own)
        particles.append(Agglomerate(float(x), float(y), float(radius), form, sphericity, seed))
    if centred:
        particles.sort(key=lambda p: -np.hypot(p.x - width / 2, p.y - height / 2))
    return particles


def _free_place(
    tries: NDArray[np.float64], placed: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """The first of ``tries`` (n, 2) that is free of what is ``placed`` (m, 3), or the least bad."""
    if not len(placed):
        return np.asarray(tries[0])
    best, widest = tries[0], -np.inf
    # Most often one of the first few is free.
    for few in np.array_split(tries, 10):
        gap = np.hypot(few[:, None, 0] - placed[None, :, 0], few[:, None, 1] - placed[None, :, 1])
        free = (gap / (radius + placed[None, :, 2])).min(axis=1)
        if (free >= CONTACT).any():
            return np.asarray(few[np.argmax(free >= CONTACT)])
        if free.max() > widest:
            best, widest = few[np.argmax(free)], free.max()
    return np.asarray(best)
