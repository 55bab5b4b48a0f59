"""Train a generator, stage by stage: ``morpholoop model train``.

Stages: vae → joint → controlnet → guided → matched → calibrate → evaluate. Each keeps a checkpoint in
FOLDER and continues from it when the command is given again; the finished version is ``FOLDER/<name>/``.
"""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from models.errors import UnusableInput
from models.generator.dataset import TileDataset, read_dataset
from models.generator.export import assemble, calibrate, evaluate, save
from models.generator.generator import Generator
from models.generator.optimisation import checkpoint_state
from models.generator.plan import STAGES, TRAINED, TrainingPlan
from models.generator.run import Run
from models.generator.stages import (
    check_vae,
    encode_tiles,
    train_controlnet,
    train_guided,
    train_joint,
    train_matched,
    train_vae,
)
from models.generator.team import Team, leads, run_alone, run_together, wait_for_all
from models.generator.writing import write_whole, writing


def train(dataset: Path, out: Path, plan: TrainingPlan, *, until: str = "evaluate") -> Path | None:
    """Run the stages up to ``until`` that are not done yet; the version's folder once it is written.

    ``calibrate`` and ``evaluate`` export what the latest checkpoints hold, so that an unfinished run can be
    tried out. Errors: :class:`UnusableInput` when the data are unusable, the autoencoder does not pass its
    gate, or ``out`` belongs to other data or another plan, or cannot be written.
    """
    if plan.base and plan.start:
        raise UnusableInput("A run goes on from a version or begins over a base: give --start or --base.")
    data = read_dataset(dataset)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        return _trained(Run(out, data, fitted(plan, data)), until)


def _trained(run: Run, until: str) -> Path | None:
    plan = run.plan
    if leads():
        _claim(run)
    last = STAGES.index(until)
    given = bool(plan.base or plan.start)
    if not given:
        _run_stage(run, "vae", train_vae)
    if leads():
        for name, (slope, correlation) in check_vae(run).items():
            print(f"autoencoder keeps {name}: slope {slope:.2f}, correlation {correlation:.3f}", flush=True)
    if last >= STAGES.index("joint"):
        run_alone(encode_tiles, (run,))
        if not given:
            _run_stage(run, "joint", train_joint)
    over_frozen_base = {
        "controlnet": (train_controlnet, not plan.start),
        "guided": (train_guided, not plan.start and plan.guidance != 1.0),
        "matched": (train_matched, plan.matched.steps > 0),
    }
    for stage, (work, wanted) in over_frozen_base.items():
        if wanted and last >= STAGES.index(stage):
            _run_stage(run, stage, work)
    made = export(run, figures=until == "evaluate") if leads() and last >= STAGES.index("calibrate") else None
    wait_for_all()
    return made


def export(run: Run, *, figures: bool = True) -> Path:
    """Write the version that the run's latest checkpoints make, replacing an earlier one of the run."""
    generator: Generator = calibrate(run, assemble(run))
    if figures:
        generator = evaluate(run, generator)
    target = run.folder / run.plan.name
    shutil.rmtree(target, ignore_errors=True)
    save(generator, target)
    return target


def fitted(plan: TrainingPlan, dataset: TileDataset) -> TrainingPlan:
    """The plan with the tile size of the data set, and crops no larger than its tiles."""
    architecture = dataclasses.replace(plan.architecture, tile_size=dataset.tile_size)
    loss = plan.joint_loss
    return dataclasses.replace(
        plan,
        architecture=architecture,
        vae_crop=min(plan.vae_crop, architecture.tile_size),
        joint_loss=dataclasses.replace(loss, crop=min(loss.crop, architecture.latent_size)),
    )


def _run_stage(run: Run, stage: str, work: Callable[[Run, Team], None]) -> None:
    """Train a stage to its end, unless it is there already.

    Errors: :class:`UnusableInput` when stages after it have learnt from it as it is.
    """
    path = run.checkpoint(stage)
    if path.exists():
        state = checkpoint_state(path)
        if int(state["step"]) >= getattr(run.plan, stage).steps or state.get("ended_early"):
            return
    later = [run.checkpoint(name) for name in TRAINED[TRAINED.index(stage) + 1 :]]
    if stage == "vae":
        later += sorted(run.folder.glob("latents_*.npy"))
    if built := [one.name for one in later if one.exists()]:
        raise UnusableInput(
            f"The stage {stage} in {run.folder} is not at its end, and {', '.join(built)} there come from it "
            "as it is: give the lengths of before, delete these files to make them anew, or choose another "
            "--out."
        )
    run_together(work, (run,), run.plan.processes)


def _claim(run: Run) -> None:
    """Bind the folder to its data and networks; lengths and rates may change between calls."""
    path = run.folder / "run.json"
    mine = {
        "data": run.dataset.fingerprint,
        "seed": run.plan.seed,
        "base": run.plan.base,
        "start": run.plan.start,
        "architecture": json.loads(json.dumps(dataclasses.asdict(run.plan.architecture))),
    }
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != mine:
        raise UnusableInput(
            f"{run.folder} holds a run on other data, another seed or start, or other networks: "
            "choose another --out."
        )
    write_whole(path, json.dumps(mine, indent=1))
    write_whole(run.folder / "plan.json", json.dumps(dataclasses.asdict(run.plan), indent=1))
