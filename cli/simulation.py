"""`morpholoop simulate`: labelled micrographs of the simulated reference plant."""

import time
from pathlib import Path

import typer

from cli.output import emit
from models.errors import UnusableInput


def simulate(
    out: Path = typer.Argument(..., help="New folder for the data set."),
    number: int = typer.Option(2048, "--number", "-n", min=1, help="Syntheses; half a second each."),
    seed: int = typer.Option(1, "--seed", min=0, help="Seed of the design and of the micrographs."),
    jobs: int = typer.Option(0, "--jobs", min=0, help="Processes (default: all cores)."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Write labelled micrographs of the simulated reference plant, to train a generator on.

    No campaign runs on that plant: the simulated labs differ from it. Example: morpholoop simulate data/lmr
    """
    from cli.measuring import all_cores
    from sim.dataset import write

    began = time.perf_counter()
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise UnusableInput(f"{out} is not empty; give a new folder.")
    write(out, number=number, seed=seed, workers=jobs or all_cores())
    result = {"dataset": str(out), "syntheses": number, "seconds": time.perf_counter() - began}
    emit(result, as_json, lambda: f"{out}: {number} syntheses ({result['seconds']:.0f} s)")
