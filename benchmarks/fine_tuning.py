"""What fine-tuning on a hidden plant's experiments brings on experiments of that plant that it did not see.

Usage: OMP_NUM_THREADS=1 python -m benchmarks.fine_tuning [--plants 3] [--experiments 8] [--steps 80]

Each plant has kinetic constants and a probe offset of its own. The shipped version is fine-tuned on the first
experiments, and the gate compares it with its candidate on the conditions stored with it and on the plant's
held-out experiments, as in a campaign. Errors are those of the gate: calibrated descriptors against measured
ones, in units of their spread, mean over descriptors. About two minutes of an idle core a plant.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from benchmarks.compared.asked import Asked
from models.generator import load
from models.generator.describe import describe
from models.generator.finetuning import NewTiles, fine_tune
from models.generator.gate import gate
from models.generator.record import ReferencePoint
from models.generator.registry import locate
from models.values import Conditions
from sim.dataset import SCAN, VIEWS, design, tiles
from sim.lmr import LMRPlant
from sim.plant import pixel_size_um

FIRST_PLANT, DESIGN_SEED = 7, 99
FIELDS = 6
"""Fields of view an experiment and magnification."""


def experiments(plant: LMRPlant, many: Sequence[Conditions]) -> list[tuple[list[NewTiles], ReferencePoint]]:
    """Tiles and measured descriptors of each experiment."""
    made = []
    for batch, conditions in enumerate(tqdm(many, desc="experiments", unit="batch", leave=False)):
        powder = plant.synthesise(dict(conditions), batch=batch)
        cut, measured = [], {}
        for view in VIEWS:
            pixel = pixel_size_um(view.magnification, SCAN)
            made_of = [
                tile
                for field in range(FIELDS)
                for tile in tiles(
                    plant.render(powder, magnification=view.magnification, field=field, scan=SCAN).pixels,
                    pixel,
                    view,
                )
            ]
            stack = np.stack(made_of).astype(np.float32) / 255.0
            cut.append(NewTiles(conditions, int(view.magnification), stack))
            measured |= describe(stack, view.tile_um / stack.shape[-1], view.descriptors)
        known = {name: value for name, value in measured.items() if np.isfinite(value)}
        made.append((cut, ReferencePoint(conditions=conditions, descriptors=known, split="campaign")))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--plants", type=int, default=3)
    parser.add_argument("--experiments", type=int, default=8, help="that are learnt from")
    parser.add_argument("--held-out", type=int, default=6)
    parser.add_argument("--steps", type=int, default=80)
    options = parser.parse_args()
    generator, asked = load(locate(None)), Asked("fine_tuning")
    number = options.experiments + options.held_out
    print(f"{generator.version}, {options.experiments} experiments, {options.steps} steps")
    print(f"{'plant':>5} {'error before':>13} {'after':>7}  gate")
    ratios, taken = [], 0
    for seed in range(FIRST_PLANT, FIRST_PLANT + options.plants):
        made = experiments(LMRPlant(seed, hidden=True), design(2 * number, DESIGN_SEED)[:number])
        learnt = [part for cut, _ in made[: options.experiments] for part in cut]
        candidate = fine_tune(generator, learnt, steps=options.steps)
        report = gate(candidate, generator, [point for _, point in made[options.experiments :]])
        ratios.append(report.candidate_error / report.current_error)
        taken += report.promote
        print(
            f"{seed:5} {report.current_error:13.3f} {report.candidate_error:7.3f}  {report.reason}",
            flush=True,
        )
    asked.least("candidates that took over", taken, 1)
    asked.most("error after over error before, median", float(np.median(ratios)), 1.0, floor=0.9)
    asked.end()


if __name__ == "__main__":
    main()
