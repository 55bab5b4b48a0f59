"""Train a generator, stage by stage: ``morpholoop model train``.

Stages: vae → joint → controlnet → guided → matched → calibrate → evaluate. Each keeps a checkpoint in
FOLDER and continues from it when the command is given again; the finished version is ``FOLDER/<name>/``.
"""

import dataclasses
import json
import shutil
from pathlib import Path

from models.errors import UnusableInput
from models.generator.dataset import TileDataset, read_dataset
from models.generator.export import assemble, calibrate, evaluate, save
from models.generator.generator import Generator
from models.generator.optimisation import Schedule, checkpoint_state
from models.generator.plan import STAGES, TrainingPlan
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
from models.generator.team import leads, run_alone, run_together, wait_for_all
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
    if not given and not _done(run, "vae", plan.vae):
        run_together(train_vae, (run,), plan.processes)
    if leads():
        for name, (slope, correlation) in check_vae(run).items():
            print(f"autoencoder keeps {name}: slope {slope:.2f}, correlation {correlation:.3f}", flush=True)
    if last >= STAGES.index("joint"):
        run_alone(encode_tiles, (run,))
        if not given and not _done(run, "joint", plan.joint):
            run_together(train_joint, (run,), plan.processes)
    over_frozen_base = {
        "controlnet": (train_controlnet, plan.controlnet, not plan.start),
        "guided": (train_guided, plan.guided, not plan.start and plan.guidance != 1.0),
        "matched": (train_matched, plan.matched, plan.matched.steps > 0),
    }
    for stage, (work, schedule, wanted) in over_frozen_base.items():
        if wanted and last >= STAGES.index(stage) and not _done(run, stage, schedule):
            run_together(work, (run,), plan.processes)
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


def _done(run: Run, stage: str, schedule: Schedule) -> bool:
    path = run.checkpoint(stage)
    if not path.exists():
        return False
    state = checkpoint_state(path)
    return int(state["step"]) >= schedule.steps or bool(state.get("ended_early"))


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
