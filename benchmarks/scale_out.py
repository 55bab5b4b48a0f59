"""How much faster two Dask workers are than one: a folder of micrographs, and a swarm's evaluations.

Usage: OMP_NUM_THREADS=1 python -m benchmarks.scale_out [--images 12] [--conditions 16]

Each worker is a process with one thread on this machine, warmed up before it is timed. Told are wall time,
images or conditions a second, and the speed-up; with two cores that nothing else uses, 2 is the most.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import tifffile
from distributed import LocalCluster

from benchmarks.compared.asked import Asked
from cli.measuring import Job, measure_file
from flows.scale_out import SpreadPredictor, spread
from models.generator import load
from models.generator.registry import locate
from models.morphology.segmenters import DEFAULT
from sim.lmr import LMRPlant

SPEED_UP = 1.5
"""What a second worker has to bring; 2 is the most."""

CONDITIONS = {
    "pH": 10.5,
    "naoh_factor": 0.14,
    "nh4oh_factor": 0.16,
    "time_min": 480.0,
    "atmosphere": "N2",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--conditions", type=int, default=16)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before it began")
    with tempfile.TemporaryDirectory() as folder:
        jobs = [_job(file) for file in _micrographs(Path(folder), options.images)]
        many = [{**CONDITIONS, "pH": 9.8 + 1.2 * i / options.conditions} for i in range(options.conditions)]
        took: dict[str, list[float]] = {"micrographs": [], "conditions": []}
        for workers in (1, 2):
            with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster:
                address = cluster.scheduler_address
                spread(measure_file, jobs[:workers], address, lambda: None)
                took["micrographs"].append(
                    _timed(lambda a=address: spread(measure_file, jobs, a, lambda: None))
                )
                _predictor(address).predict([{**CONDITIONS, "pH": 11.0 - 0.01 * i} for i in range(workers)])
                predictor = _predictor(address)
                took["conditions"].append(_timed(lambda p=predictor: p.predict(many)))
    print("what           count   1 worker   2 workers   speed-up")
    asked = Asked("scale_out")
    for (what, (one, two)), count in zip(took.items(), (options.images, options.conditions), strict=True):
        print(f"{what:12} {count:7} {one:8.1f} s {two:9.1f} s {one / two:10.2f}")
        # One worker predicts with two threads already, which is all that a machine of two cores has.
        floor = 0.6 if what == "conditions" and (os.cpu_count() or 1) < 4 else 1.0
        asked.least(f"{what}: two workers over one", one / two, SPEED_UP, floor=floor)
    asked.end()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _micrographs(folder: Path, count: int) -> list[Path]:
    plant = LMRPlant(seed=0)
    sample = plant.synthesise(
        {**CONDITIONS, "stirring_rpm": 1000.0, "total_metal_M": 2.0, "temperature_C": 50.0}, batch=0
    )
    files = []
    for field in range(count):
        render = plant.render(sample, magnification=3000, field=field)
        files.append(folder / f"{field:03d}.tif")
        per_cm = 10_000.0 / render.pixel_size_um
        tifffile.imwrite(files[-1], render.pixels, resolution=(per_cm, per_cm), resolutionunit="CENTIMETER")
    return files


def _job(file: Path) -> Job:
    return Job(file, "particles", None, DEFAULT, None, True, overlay=None, masks=None, tabled=False)


def _predictor(address: str) -> SpreadPredictor:
    folder = locate(None)
    wanted = ["d50_um", "sphericity_mean", "texture_mean"]
    return SpreadPredictor(
        load(folder), wanted, images={3000: 4, 15000: 1}, seed=0, folder=folder, address=address
    )


if __name__ == "__main__":
    main()
