"""Pictures of particles in many styles, with labels: what the built-in segmenter is trained on.

``python -m sim.styles OUT`` writes ``OUT/<style>-<number>.npz``, each with ``image`` (H, W) uint8, ``labels``
(H, W) uint16 (0 = ground), and per label ``diameter`` (px) and ``sphericity`` of the whole outline. The style
``stones`` is held out: it is written only when asked for by name, and nothing is trained on it.
"""

import argparse
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from tqdm import tqdm

from sim import styles_bodies as bodies
from sim import styles_heaps, styles_heights
from sim.lmr import LMRPlant, Powder
from sim.precipitation import PowderState
from sim.styles_deposit import Field, numbered
from sim.styles_library import PRECURSOR, SHARES, STYLES, Range, Style
from sim.styles_scene import Look, Placed, noise_tile, paint, recorded, scatter

SIZE = (480, 640)


def render(style: str, seed: int, shape: tuple[int, int] = SIZE) -> Field:
    """One picture of a style; the same arguments give the same pixels."""
    rng = np.random.default_rng([seed, *style.encode()])
    drawn = OTHERS.get(style)
    return drawn(rng, shape) if drawn else _scene(STYLES[style], rng, shape)


def _log_uniform(rng: np.random.Generator, bounds: Range) -> float:
    return float(np.exp(rng.uniform(*np.log(bounds))))


def _scene(style: Style, rng: np.random.Generator, shape: tuple[int, int]) -> Field:
    zoom = shape[1] / SIZE[1]
    diameter = zoom * _log_uniform(rng, style.diameter)
    radii = 0.5 * _diameters(style, diameter, rng, shape)
    names = list(style.kinds)
    chance = np.array([style.kinds[name] for name in names], float)
    if rng.random() < 0.6:  # most powders are of one form
        chance = (np.arange(len(names)) == rng.choice(len(names), p=chance / chance.sum())).astype(float)
    chance /= chance.sum()

    def make(own: np.random.Generator) -> bodies.Body:
        body: bodies.Body = getattr(bodies, names[own.choice(len(names), p=chance)])(own)
        return body

    particles = scatter(radii, shape, make, rng.uniform(*style.contact), rng)
    if rng.random() < 0.3:
        particles = [particles[i] for i in rng.permutation(len(particles))]
    kinds = [style.textures[i] for i in rng.integers(len(style.textures), size=2)]
    scales = [_log_uniform(rng, (1.5, max(2.0, diameter / 2))) for _ in kinds]
    textures = [noise_tile(rng, min(s, 120.0), kind) for s, kind in zip(scales, kinds, strict=True)]
    level = rng.uniform(*style.ground)
    canvas, labels, shown = paint(
        particles, _ground(style, level, rng, shape), _look(style, diameter, level, rng), textures, rng
    )
    blur = min(0.5 + zoom * rng.exponential(0.5), max(0.5, 0.06 * diameter), 3.0 * zoom)
    image = recorded(
        canvas,
        blur_px=blur,
        noise=float(rng.choice([0.01, 0.03, 0.06, 0.1])) * rng.uniform(0.5, 1.2),
        stripes=float(rng.uniform(0.0, 0.35)) if rng.random() < 0.25 else 0.0,
        rng=rng,
    )
    return _finished(image, labels, shown, rng)


def _diameters(
    style: Style, median: float, rng: np.random.Generator, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Diameters in px of all bodies of a scene, in the order of laying them down."""
    spread, coverage = rng.uniform(*style.spread), rng.uniform(*style.coverage)
    margin = min(median, min(shape))
    wanted = coverage * (shape[0] + margin) * (shape[1] + margin)
    drawn = median * np.exp(spread * np.clip(rng.standard_normal(900), -2.5, 2.5))
    if rng.random() < style.satellites:
        small = rng.uniform(0.12, 0.45) * median * np.exp(0.25 * rng.standard_normal(900))
        drawn = np.where(rng.random(900) < rng.uniform(0.2, 0.7), small, drawn)
    drawn = drawn[drawn >= 5.0]
    number = int(np.searchsorted(np.cumsum(np.pi / 4 * drawn**2), wanted)) + int(wanted > 0)
    drawn = drawn[:number]
    return np.asarray(np.sort(drawn)[::-1] if rng.random() < 0.8 else drawn)


def _look(style: Style, diameter: float, ground: float, rng: np.random.Generator) -> Look:
    turn = rng.uniform(0.0, 2.0 * np.pi)
    casts = style.shadow[1] > 0.0
    light = style.light if casts else style.light * rng.random()
    halo = float(rng.choice([0.0, rng.uniform(-0.5, -0.1), rng.uniform(0.05, 0.4)], p=[0.4, 0.45, 0.15]))
    shadow = rng.uniform(*style.shadow) * diameter if casts else 0.0
    face = rng.uniform(*style.face)
    if abs(face - ground) < style.contrast:
        face = (
            ground + style.contrast
            if face > ground or ground < 2 * style.contrast
            else ground - style.contrast
        )
    # Deep bodies are dark, but not as the ground.
    deepest = max(0.0, 1.0 - 1.4 * ground / face) if face > ground else 0.3
    return Look(
        face=face,
        face_sd=rng.exponential(0.03),
        limb=rng.uniform(*style.limb),
        rim=rng.uniform(*style.rim) if rng.random() < 0.6 else 0.0,
        rim_px=max(1.0, rng.uniform(0.02, 0.08) * diameter),
        light=(light * np.cos(turn), light * np.sin(turn)),
        texture=rng.uniform(*style.texture),
        bump=rng.uniform(*style.bump),
        halo=0.0 if casts else halo,
        dim=min(rng.uniform(*style.dim), deepest),
        halo_px=max(1.0, rng.uniform(0.03, 0.15) * diameter),
        shadow_px=(shadow * np.cos(turn), shadow * np.sin(turn)),
        grown=style.grown,
        crevice=rng.uniform(*style.crevice) if style.grown else 0.0,
        crevice_px=diameter * rng.uniform(0.3, 1.0) if style.grown else 1.0,
    )


def _ground(
    style: Style, level: float, rng: np.random.Generator, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """The stub: a ``level`` with mottle, grain, a slope, and at times a patch of another level."""
    repeats = (shape[0] // 512 + 1, shape[1] // 512 + 1)

    def tiled(scale: float, kind: str) -> NDArray[np.float32]:
        return np.asarray(np.tile(noise_tile(rng, scale, kind), repeats)[: shape[0], : shape[1]], np.float32)

    ground = level * (1.0 + 0.12 * rng.random() * tiled(100.0, "felt"))
    ground += rng.uniform(*style.ground_texture) * tiled(_log_uniform(rng, (1.5, 30.0)), "fractal")
    if rng.random() < 0.2:  # holes and folds of a carbon film
        patch = tiled(rng.uniform(60.0, 200.0), "felt") > rng.uniform(0.8, 1.6)
        ground += rng.uniform(-0.5, 0.4) * level * ndimage.gaussian_filter(patch.astype(np.float32), 1.5)
    return np.asarray(np.maximum(ground, 0.0), np.float32)


def _finished(
    image: NDArray[np.float32], labels: NDArray[np.uint16], shown: list[Placed], rng: np.random.Generator
) -> Field:
    """8 bit, at times with an information bar left in; labels numbered without gaps."""
    pixels = np.asarray(np.clip(image * 255.0 + 0.5, 0, 255), np.uint8)
    if rng.random() < 0.08:
        rows = int(pixels.shape[0] * rng.uniform(0.04, 0.1))
        _write_bar(pixels, rows, rng)
        labels[-rows:] = 0
    present = np.unique(labels[labels > 0])
    number = np.zeros(len(shown) + 1, np.uint16)
    number[present] = np.arange(1, len(present) + 1)
    kept = [shown[int(n) - 1] for n in present]
    return Field(
        pixels,
        number[labels],
        np.array([2.0 * p.radius for p in kept]),
        np.array([p.body.sphericity for p in kept]),
    )


def _write_bar(pixels: NDArray[np.uint8], rows: int, rng: np.random.Generator) -> None:
    bar = Image.new("L", (pixels.shape[1], rows), 0)
    font = ImageFont.load_default(size=rows * 0.5)
    text = f"{rng.integers(1, 30)}.0 kV   x{rng.integers(1, 90) * 100}   {rng.integers(1, 20)} um  SE"
    ImageDraw.Draw(bar).text((8, rows / 2), text, fill=255, font=font, anchor="lm")
    pixels[-rows:] = np.asarray(bar, np.uint8)


def _precursor(rng: np.random.Generator, shape: tuple[int, int]) -> Field:
    width_um = _log_uniform(rng, (25.0, 120.0))
    defect = rng.uniform(0.01, 0.09)
    width = _log_uniform(rng, (0.05, 0.5))
    state = PowderState(
        diameter_um=_log_uniform(rng, (3.0, 10.0)),
        diameter_log_sd=rng.uniform(0.06, 0.35),
        defect_mean=defect,
        defect_sd=defect * rng.uniform(0.3, 0.7),
        primary_width_um=width,
        primary_aspect=rng.uniform(1.5, 6.0),
    )
    plant, seed = LMRPlant(0, hidden=False), int(rng.integers(2**31))
    taken = plant.render(
        Powder(state, seed), magnification=127_000.0 / width_um, field=0, scan=(shape[1], shape[0])
    )
    assert taken.labels is not None
    return numbered(taken.pixels, taken.labels)


OTHERS: Mapping[str, Callable[[np.random.Generator, tuple[int, int]], Field]] = {
    PRECURSOR: _precursor,
    "heights": styles_heights.picture,
    "heaps": styles_heaps.picture,
}
"""Styles that are not scenes of bodies laid over each other, by name."""


def _write(task: tuple[Path, str, int, tuple[int, int]]) -> None:
    path, style, seed, shape = task
    field = render(style, seed, shape)
    np.savez_compressed(
        path, image=field.image, labels=field.labels, diameter=field.diameter, sphericity=field.sphericity
    )


def write(
    folder: Path, *, number: int, seed: int, styles: tuple[str, ...], shape: tuple[int, int], workers: int
) -> None:
    """Write ``number`` pictures to ``folder``, styles in the proportion of :data:`SHARES`."""
    folder.mkdir(parents=True, exist_ok=True)
    share = np.array([SHARES.get(style, 1.0) for style in styles])
    counts = np.diff(np.rint(np.cumsum(share) / share.sum() * number).astype(int), prepend=0)
    tasks = [
        (folder / f"{style}-{index:04d}.npz", style, seed * 100_000 + index, shape)
        for style, count in zip(styles, counts, strict=True)
        for index in range(int(count))
    ]
    with ProcessPoolExecutor(workers) as pool:
        for _ in tqdm(pool.map(_write, tasks, chunksize=4), total=len(tasks), unit="picture"):
            pass


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Write labelled pictures of particles in many styles.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--number", type=int, default=800, help="pictures (default 800)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--styles", nargs="+", choices=sorted({*STYLES, *OTHERS}), default=list(SHARES))
    parser.add_argument("--width", type=int, default=SIZE[1], help="of each picture in px; 4:3 (default 640)")
    args = parser.parse_args()
    shape = (args.width * 3 // 4, args.width)
    write(
        args.out,
        number=args.number,
        seed=args.seed,
        styles=tuple(args.styles),
        shape=shape,
        workers=args.workers,
    )


if __name__ == "__main__":
    main()
