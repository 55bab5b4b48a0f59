"""How many fields a second the simulated microscope renders on one core, beside the limit of 5 a second.

Usage: OMP_NUM_THREADS=1 python -m benchmarks.rendering [--powders 6] [--fields 8]

Told is CPU time (of all threads of the process) of whole fields of 1280×960 pixels: of the first field of a
powder, whose surface is made for it and kept, and over all fields of it.
"""

import argparse
import os
import time

import numpy as np

from benchmarks.compared.asked import Asked
from benchmarks.image_quality import CASES
from sim.plant import SCAN

LIMIT_PER_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--powders", type=int, default=6)
    parser.add_argument("--fields", type=int, default=8, help="of each powder")
    options = parser.parse_args()
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    print(f"scan {SCAN[0]}×{SCAN[1]}, CPU time, OMP_NUM_THREADS {threads}; limit {LIMIT_PER_S:g} fields/s")
    print("plant      magnification   first field    all fields    fields/s    × limit")
    asked = Asked("rendering")
    for case, (name, plant, conditions, magnification) in enumerate(CASES):
        rng = np.random.default_rng([6, case])
        spent = np.empty((options.powders, options.fields))
        # What is loaded and tabulated once in a process is no part of a field.
        warm = plant.synthesise(conditions(rng), batch=0)
        plant.render(warm, magnification=magnification, field=0)  # type: ignore[arg-type]
        for powder in range(options.powders):
            sample = plant.synthesise(conditions(rng), batch=powder + 1)
            for field in range(options.fields):
                start = time.process_time()
                plant.render(sample, magnification=magnification, field=field)  # type: ignore[arg-type]
                spent[powder, field] = time.process_time() - start
        first, mean = spent[:, 0].mean(), spent.mean()
        print(
            f"{name:10} {magnification:8}×     {1e3 * first:8.0f} ms   {1e3 * mean:8.0f} ms"
            f"    {1 / mean:8.1f}    {1 / mean / LIMIT_PER_S:7.1f}"
        )
        asked.least(f"{name}, {magnification}×", 1 / mean, LIMIT_PER_S, "fields/s")
    asked.end()


if __name__ == "__main__":
    main()
