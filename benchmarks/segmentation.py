"""How well and how fast the built-in segmenters find particles, on pictures that none was trained on.

``python -m benchmarks.segmentation [--real FOLDER] [--sheet FILE.png]`` prints F1 at an intersection over
union of one half per set (styles of the training pictures with other seeds, the style ``stones`` that is held
out, pictures by another renderer, fields and tiles of a hidden simulated precursor, and labelled micrographs
in FOLDER: ``*.npz`` with ``image`` and ``labels``), the errors of D50, Ψ and SD of Ψ per set, and pictures a
second on one core. Times are the processor's own, so that a busy machine does not change them.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image as Pictures
from scipy import ndimage
from skimage.segmentation import find_boundaries

from benchmarks.compared.asked import Asked
from benchmarks.compared.inflated_outlines import micrograph
from models.morphology import Segmenter, segmenter
from models.morphology.learned.scores import matches
from models.morphology.measures import Image, Labels
from models.morphology.particles import ParticleMeasure
from models.morphology.segmenters import segment_all
from models.morphology.sizes import frame_weights, weighted_mean_sd, weighted_quantile
from sim.dataset import VIEWS, tiles
from sim.lmr import LMRPlant
from sim.styles import render
from sim.styles_library import HELD_OUT, SHARES

SEED = 77_000_000
"""Far from the seeds of training pictures, which are below two million."""
SCAN = (960, 1280)
MORE = {HELD_OUT: 9, "heights": 12, "heaps": 12, "another renderer": 24}
"""How many times as many pictures of these: they differ much from each other."""
WANTED_F1 = {
    "another renderer": (0.95, "", 1.0),
    f"{HELD_OUT} (held out)": (0.95, "", 0.88),
    "real": (0.88, "", 0.95),
}
"""Asked, and below which share of it something has become worse."""
CONDITIONS = (
    {"pH": 10.2, "naoh_factor": 0.2, "nh4oh_factor": 0.12, "time_min": 480.0, "atmosphere": "N2"},
    {"pH": 10.8, "naoh_factor": 0.12, "nh4oh_factor": 0.25, "time_min": 240.0, "atmosphere": "N2"},
    {"pH": 10.5, "naoh_factor": 0.16, "nh4oh_factor": 0.2, "time_min": 60.0, "atmosphere": "O2"},
)


@dataclass
class Sample:
    """One picture in [0, 1] with its labels, and the exact outlines' diameter (px) and Ψ where known."""

    pixels: Image
    labels: Labels
    diameter: np.ndarray = field(default_factory=lambda: np.empty(0))
    sphericity: np.ndarray = field(default_factory=lambda: np.empty(0))


def styled(style: str | None, number: int) -> list[Sample]:
    """Pictures of a style of the training pictures' renderer; None: of another renderer."""
    made = []
    for index in range(number):
        # A third of the pictures each at the scan's full, a half, and a third of its resolution.
        part = 1 + index % 3
        shape = (SCAN[0] // part, SCAN[1] // part)
        one = micrograph(SEED + index, shape) if style is None else render(style, SEED + index, shape)
        pixels = one.image.astype(np.float32) / 255
        made.append(Sample(pixels, one.labels.astype(np.int32), one.diameter, one.sphericity))
    return made


@dataclass
class Powder:
    """One synthesis: D50 (µm), mean and SD of Ψ it was drawn with, its fields and its tiles."""

    drawn: tuple[float, float, float]
    fields: list[Sample]
    tiles: list[Sample]
    field_pixel_um: float
    tile_pixel_um: float


def powders(fields: int, tiled_fields: int) -> list[Powder]:
    """Fields at 3000x of a hidden plant, and tiles as the generator is trained on."""
    made = []
    plant = LMRPlant(5)
    view = VIEWS[0]
    for batch, conditions in enumerate(CONDITIONS):
        powder = plant.synthesise(conditions, batch=batch)
        shots = [plant.render(powder, magnification=3000, field=index) for index in range(fields)]
        small = [
            plant.render(powder, magnification=3000, field=100 + index, scan=(640, 480))
            for index in range(tiled_fields)
        ]
        cut = []
        for shot in small:
            assert shot.labels is not None
            labels = _tile_labels(shot.labels, shot.pixel_size_um)
            for tile, true in zip(tiles(shot.pixels, shot.pixel_size_um, view), labels, strict=True):
                cut.append(Sample(tile.astype(np.float32) / 255, true))
        whole = [
            Sample(shot.pixels.astype(np.float32) / 255, shot.labels.astype(np.int32))
            for shot in shots
            if shot.labels is not None
        ]
        forms = [(shot.truth["sphericity_mean"], shot.truth["sphericity_sd"]) for shot in shots]
        drawn = (shots[0].truth["d50_um"], *np.mean(forms, axis=0))
        made.append(Powder(drawn, whole, cut, shots[0].pixel_size_um, view.tile_um / 128))
    return made


class Known:
    """Stands in for a segmenter that makes no mistake: gives the labels there are."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.labels = {id(one.pixels): one.labels for one in samples}

    def segment(self, pixels: Image) -> Labels:
        return self.labels[id(pixels)]


def descriptors(chosen: Segmenter, samples: Sequence[Sample], pixel_um: float) -> str:
    measure = ParticleMeasure(chosen)
    pooled = measure.pool([measure.measure(one.pixels, pixel_um) for one in samples])
    return f"{pooled['d50_um']:6.2f} {pooled['sphericity_mean']:.3f} {pooled['sphericity_sd']:.4f}"


def _tile_labels(labels: np.ndarray, pixel_um: float) -> Iterator[Labels]:
    """The labels of :func:`sim.dataset.tiles`: the same places, nearest neighbour."""
    side = round(VIEWS[0].tile_um / pixel_um)
    height, width = labels.shape
    top, spread = (height - side) // 2, min(width - side, side // 2)
    index = ((np.arange(128) + 0.5) * side / 128).astype(int)
    for left in ((width - side - spread) // 2, (width - side + spread) // 2):
        yield labels[top : top + side, left : left + side][np.ix_(index, index)].astype(np.int32)


def real(folder: Path) -> list[Sample]:
    made = []
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as stored:
            made.append(Sample(stored["image"].astype(np.float32) / 255, stored["labels"].astype(np.int32)))
    return made


def truth(samples: Sequence[Sample]) -> tuple[float, float, float]:
    """D50 (px), mean and SD of Ψ of the particles that lie wholly in the frame, large ones weighted up."""
    diameters, shapes, weights = [], [], []
    for sample in samples:
        boxes = ndimage.find_objects(sample.labels)
        height, width = sample.labels.shape
        whole = [
            index
            for index, box in enumerate(boxes)
            if box is not None
            and min(s.start for s in box) > 0
            and box[0].stop < height
            and box[1].stop < width
        ]
        extent = np.array([[s.stop - s.start for s in boxes[i]] for i in whole], float).reshape(-1, 2)
        weights.append(frame_weights(extent, (height, width)))
        diameters.append(sample.diameter[whole])
        shapes.append(sample.sphericity[whole])
    size, shape, weight = map(np.concatenate, (diameters, shapes, weights))
    known = np.isfinite(shape)
    mean, sd = weighted_mean_sd(shape[known], weight[known])
    return float(weighted_quantile(size, weight, 0.5)[0]), mean, sd


def score(chosen: Segmenter, samples: Sequence[Sample]) -> float:
    hits = total = 0
    for sample in samples:
        hit, found, there = matches(chosen.segment(sample.pixels), sample.labels)
        hits, total = hits + hit, total + found + there
    return 2 * hits / max(total, 1)


def errors(chosen: Segmenter, samples: Sequence[Sample]) -> tuple[float, float, float]:
    """Relative errors of D50, mean Ψ and SD of Ψ, picture by picture (sizes differ): their mean sizes."""
    measure = ParticleMeasure(chosen)
    apart = []
    for sample in samples:
        if len(sample.diameter) < 15 or not np.isfinite(sample.diameter).all():
            continue
        true = truth([sample])
        got = measure.pool([measure.measure(sample.pixels, 1.0)])
        found = (got["d50_um"], got["sphericity_mean"], got["sphericity_sd"])
        apart.append([abs(f / t - 1) if t else np.nan for f, t in zip(found, true, strict=True)])
    known = [[e for e in column if np.isfinite(e)] for column in zip(*apart, strict=True)] or [[]] * 3
    d50, mean, sd = (float(np.median(column)) if column else np.nan for column in known)
    return d50, mean, sd


def seconds(work: object, repeats: int = 3) -> float:
    assert callable(work)
    work()
    took = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        took.append(time.process_time() - start)
    return min(took)


def speed(chosen: Segmenter, fields: Sequence[Sample], small: Sequence[Sample]) -> tuple[float, str]:
    """Fields segmented and measured a second of one core, and more of that kind in words."""
    measure = ParticleMeasure(chosen)
    pictures = [one.pixels for one in fields[:4]]
    stack = np.stack([one.pixels for one in small])
    stack = np.tile(stack, (-(-64 // len(stack)), 1, 1))[:64]
    alone = seconds(lambda: [chosen.segment(one) for one in pictures]) / len(pictures)
    both = seconds(lambda: [measure.measure(one, 1.0) for one in pictures]) / len(pictures)
    tiled = seconds(lambda: segment_all(chosen, stack)) / len(stack)
    one_by_one = seconds(lambda: [measure.measure(one, 1.0) for one in stack]) / len(stack)
    return 1 / both, (
        f"1280×960: {1 / alone:.1f} segmented/s, {1 / both:.1f} segmented and measured/s; "
        f"128×128: {1 / tiled:.0f} segmented/s, {1 / one_by_one:.0f} segmented and measured/s"
    )


def overlay(sample: Sample, labels: Labels, width: int = 420) -> np.ndarray:
    """Outlines found (yellow) over the picture, at ``width`` px."""
    step = width / sample.pixels.shape[1]
    shape = (width, round(sample.pixels.shape[0] * step))
    grey = np.asarray(Pictures.fromarray((sample.pixels * 255).astype(np.uint8)).resize(shape))
    index = [((np.arange(n) + 0.5) / step).astype(int) for n in (shape[1], shape[0])]
    edges = find_boundaries(labels[np.ix_(*index)], mode="inner")
    colour = np.repeat(grey[..., None], 3, axis=2)
    colour[edges] = (255, 220, 0)
    return np.pad(colour, ((0, max(0, width * 3 // 4 - shape[1])), (0, 0), (0, 0)))[: width * 3 // 4]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--number", type=int, default=6, help="pictures per style (default 6)")
    parser.add_argument("--real", type=Path, help="folder of labelled micrographs (*.npz)")
    parser.add_argument("--weights", type=Path, help="weights of the learned segmenter (default: shipped)")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of overlays")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    chosen = {"classical": segmenter("classical"), "learned": segmenter("learned", args.weights)}
    made = powders(6, 12)
    fields = [one for powder in made for one in powder.fields]
    small = [one for powder in made for one in powder.tiles]
    sets = {
        style: styled(style, args.number * MORE.get(style, 1))
        for style in SHARES
        if style not in ("precursor", "bare")
    }
    sets[f"{HELD_OUT} (held out)"] = styled(HELD_OUT, MORE[HELD_OUT] * args.number)
    sets["another renderer"] = styled(None, MORE["another renderer"] * args.number)
    sets |= {"LMR ×3000": fields, "LMR tiles": small}
    if args.real:
        sets["real"] = real(args.real)
    asked = Asked("segmentation")
    heads = " ".join(f"{name:>10}" for name in chosen)
    print(f"{'':22} F1{heads}   error of D50, Ψ, SD Ψ (median of pictures): {heads}")
    for name, samples in sets.items():
        found = {by: score(one, samples) for by, one in chosen.items()}
        scores = " ".join(f"{one:10.3f}" for one in found.values())
        if name in WANTED_F1:
            asked.least(f"F1, {name}", found["learned"], *WANTED_F1[name])
        apart = "   ".join(
            "/".join(f"{100 * e:.1f}" for e in errors(one, samples)) for one in chosen.values()
        )
        print(f"{name:22}   {scores}   {apart} %", flush=True)
    print("LMR, D50 (µm), mean and SD of Ψ as drawn | by true labels | " + " | ".join(chosen))
    for powder in made:
        for kind, samples, pixel in (
            ("fields", powder.fields, powder.field_pixel_um),
            ("tiles", powder.tiles, powder.tile_pixel_um),
        ):
            columns = ["{:6.2f} {:.3f} {:.4f}".format(*powder.drawn)]
            columns += [descriptors(one, samples, pixel) for one in (Known(samples), *chosen.values())]
            print(f"{kind:8}" + " | ".join(columns))
    for name, one in chosen.items():
        a_second, text = speed(one, fields, small)
        print(f"{name}: {text}")
        asked.least(f"{name}: 1280×960, segmented and measured", a_second, 2.0, "images/s")
    if args.sheet:
        rows = []
        for samples in sets.values():
            row = [overlay(s, chosen["learned"].segment(s.pixels)) for s in samples[:4]]
            rows.append(np.hstack(row + [np.zeros_like(row[0])] * (4 - len(row))))
        Pictures.fromarray(np.vstack(rows)).save(args.sheet)
    asked.end()


if __name__ == "__main__":
    main()
