"""`morpholoop invert`: search for the conditions that should give a target."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.drawing import draw_conditions
from cli.output import console, emit
from cli.searching import draw_search
from cli.units import with_unit
from models.errors import UnusableInput

if TYPE_CHECKING:
    from models.inverse import InverseResult

TILES = 4
QUIET_S = 5.0
"""In a log, progress appears at most this often."""


def invert(
    campaign_file: Path = typer.Argument(
        ..., metavar="CAMPAIGN.yaml", help="Campaign file: space and targets."
    ),
    more: list[str] = typer.Argument(None, hidden=True),
    target: list[str] = typer.Option(
        [],
        "--target",
        metavar="NAME=VALUE",
        help="A target in place of the campaign's: d50_um=8, d50_um>=8, =7..9.",
    ),
    like: list[Path] = typer.Option([], "--like", help="Reference images or folders to be like."),
    particles: int | None = typer.Option(
        None, "--particles", min=2, help="Particles (default: the campaign's)."
    ),
    iterations: int | None = typer.Option(
        None, "--iterations", min=1, help="Steps (default: the campaign's)."
    ),
    candidates: int | None = typer.Option(None, "--candidates", min=1, help="Different proposals wanted."),
    seed: int = typer.Option(0, "--seed", min=0, help="Seed of the swarm and of the generated images."),
    version: str | None = typer.Option(None, "--model", help="Version or folder (default: the campaign's)."),
    out: Path | None = typer.Option(
        None,
        "--out",
        help="Folder for pictures: the search, and micrographs predicted for the candidates, 4 of each kind.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Search for the synthesis conditions that should give a campaign's target.

    Nothing is synthesised and nothing is recorded. Example: morpholoop invert
    campaigns/library/lmr-precursor.yaml --target d50_um=8 --target "texture_mean>=0.7"
    """
    from campaigns.specification import load as load_campaign
    from cli.targets import wanted_targets

    # `--target a=1 b=2` and `--like one.tif two.tif`: what follows the first of each arrives as arguments.
    target = [*target, *(text for text in more or () if not Path(text).exists() and "=" in text)]
    like = [*like, *(Path(text) for text in more or () if text not in target)]
    campaign = load_campaign(campaign_file)
    chosen = version or campaign.model.generator
    if chosen is None:
        raise UnusableInput(
            f"The campaign {campaign.name} has no generator (model.generator: none), so nothing can be "
            "predicted "
            "before its first measurements; run the campaign, or name a model with --model."
        )
    targets = wanted_targets(campaign, target, like)
    from models.generator import load as load_generator
    from models.inverse import GeneratorPredictor, SmoothedPredictor, UnitCube, optimise
    from models.morphology import known_descriptors

    generator = load_generator(None if chosen == "current" else chosen)
    images = {
        magnification: campaign.optimiser.images_at(magnification)
        for magnification in generator.schema.magnifications
    }
    predictor = GeneratorPredictor(generator, [one.descriptor for one in targets], images=images, seed=seed)
    cube = UnitCube(campaign.space())
    positive = {name: descriptor.positive for name, descriptor in known_descriptors().items()}
    with SearchProgress() as tick:
        result = optimise(
            predictor,
            campaign.space(),
            targets,
            particles=particles or campaign.optimiser.particles,
            iterations=iterations or campaign.optimiser.iterations,
            candidates=candidates or campaign.optimiser.candidates,
            seed=seed,
            settle=lambda evaluated: SmoothedPredictor(predictor, cube, evaluated, positive=positive),
            progress=tick,
        )
    if out is not None:
        descriptors = {name: descriptor.unit for name, descriptor in known_descriptors().items()}
        draw_search(result, targets, {**campaign.units(), **descriptors}, out)
        for number, candidate in enumerate(result.candidates, start=1):
            draw_conditions(generator, candidate.conditions, out / f"candidate-{number}", n=TILES, seed=seed)
    emit(result, as_json, lambda: _shown(result, campaign.units()))


class SearchProgress:
    """A bar on standard error while the swarm searches; its context gives the callback."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("Searching"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("best {task.fields[best]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._said = time.monotonic()
        self._task = self._bar.add_task("", total=None, best="–")

    def __enter__(self) -> Callable[[int, int, float], None]:
        self._bar.start()

        def tick(iteration: int, iterations: int, best: float) -> None:
            self._bar.update(self._task, completed=iteration, total=iterations, best=f"{best:.3g}")
            now = time.monotonic()
            if not console.is_terminal and (now - self._said >= QUIET_S or iteration == iterations):
                self._said = now
                console.print(f"iteration {iteration}/{iterations}, best objective {best:.4g}")

        return tick

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _shown(result: "InverseResult", units: dict[str, str]) -> Group:
    table = Table(title=f"Best candidates, predicted by {result.model}")
    table.add_column("")
    for i in range(len(result.candidates)):
        table.add_column(f"#{i + 1}", justify="right")
    best = result.best
    for name, value in best.conditions.items():
        row = [one.conditions[name] for one in result.candidates]
        table.add_row(with_unit(name, units.get(name, "")), *(_text(value) for value in row))
    table.add_section()
    for name in best.predicted:
        row_estimates = [one.predicted[name] for one in result.candidates]
        table.add_row(name, *(f"{e.mean:.4g} ± {e.sd:.2g}" for e in row_estimates))
    table.add_section()
    table.add_row("objective", *(f"{one.objective:.4g}" for one in result.candidates))
    table.add_row(
        "distance from training",
        *(f"{one.manifold_distance:.2f}{'' if one.in_manifold else ' OUTSIDE'}" for one in result.candidates),
    )
    told = (
        f"{result.evaluations} evaluations ({result.distinct_evaluations} different), "
        f"{result.images_generated} images, {result.seconds:.0f} s{_course(result)}"
    )
    if not result.reachable:
        told += f"\nNothing that the model knows of reaches this target. The nearest: {result.shortfall()}."
    return Group(table, told)


def _course(result: "InverseResult") -> str:
    """When the best was found, or that it may not have been."""
    steps = len(result.iterations)
    if not steps:
        return ""
    if result.converged_at == steps:
        return f"; the best was still falling at iteration {steps}: more --iterations may find better"
    return f"; within 1 % of the best from iteration {result.converged_at} of {steps}"


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
