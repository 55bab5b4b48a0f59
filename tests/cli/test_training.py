"""`morpholoop model train` as it is typed, alone and among processes that a launcher started; few steps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cli import main
from models.generator import load
from models.generator.plan import TrainingPlan
from tests.models.generator.stand_in import conditions, write_dataset

pytestmark = pytest.mark.slow  # it brings in the networks

ROOT = Path(__file__).parents[2]
STEPS = {"vae": 2, "joint": 2, "controlnet": 1, "guided": 1}
LENGTHS = [word for stage, n in {**STEPS, "matched": 0}.items() for word in ("--steps", f"{stage}={n}")]


def command(data: Path, run: Path, name: str) -> list[str]:
    given = ["model", "train", str(data), "--out", str(run), "--name", name, "--processes", "1"]
    return [*given, *LENGTHS, "--note", "few steps", "--json"]


@pytest.mark.timeout(300)
def test_one_process_and_two_that_a_launcher_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dataset(tmp_path / "data")
    with pytest.raises(SystemExit) as end:
        main.run(command(data, tmp_path / "alone", "blobs-1"))
    assert end.value.code == 0
    # Its progress goes to the descriptor of standard error, which capsys does not follow.
    alone = json.loads(capsys.readouterr().out.splitlines()[-1])
    # What accelerate's launcher calls for several GPUs.
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "cli.main"]
    ended = subprocess.run(
        [sys.executable, *launcher, *command(data, tmp_path / "together", "blobs-2")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    together = json.loads(ended.stdout)
    made = [load(Path(said["folder"])) for said in (alone, together)]
    for one, said in zip(made, (alone, together), strict=True):
        assert said["registered"] is True
        assert one.record.lineage.steps == STEPS
        assert one.record.lineage.note == "few steps"
        assert one.sample(conditions(), magnification=500, n=1, seed=0).shape == (1, 32, 32)
    # Two processes see twice the batches: another version, made of averaged gradients.
    first, second = (one.networks.unet.conv_in.weight for one in made)
    assert not torch.equal(first, second)
    assert torch.allclose(first, second, atol=0.05)


def test_crops_keep_their_share_of_another_length() -> None:
    plan, longer = TrainingPlan(), TrainingPlan().changed({"joint": 21500}, accumulate=4)
    assert (longer.joint.steps, longer.joint_loss.crop_steps) == (21500, 2 * plan.joint_loss.crop_steps)
    assert (longer.vae, longer.controlnet.steps) == (plan.vae, plan.controlnet.steps)
    assert (longer.joint.accumulate, longer.matched.accumulate, longer.vae.accumulate) == (4, 4, 1)
    assert plan.changed({}, accumulate=1) == plan
