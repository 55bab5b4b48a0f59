import dataclasses
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from models.errors import UnusableInput
from models.generator import load
from models.generator.diffusion import DiffusionLoss
from models.generator.matching import MatchingLoss
from models.generator.optimisation import Schedule, checkpoint_state
from models.generator.plan import TrainingPlan
from models.generator.recalibrate import recalibrate
from models.generator.train import train
from tests.models.generator.stand_in import ARCHITECTURE, conditions, write_dataset

pytestmark = pytest.mark.slow  # it brings in the networks

STEPS = {"vae": 2, "joint": 2, "controlnet": 2, "guided": 2, "matched": 2}


def plan(**changes: object) -> TrainingPlan:
    tiny = TrainingPlan(
        name="blobs-1",
        processes=1,
        architecture=ARCHITECTURE,
        vae=Schedule(2, 1e-3),
        vae_crop=16,
        vae_batch=2,
        joint=Schedule(2, 1e-3),
        joint_loss=DiffusionLoss(crop=8, crop_steps=1, crop_batch=2, batch=2),
        controlnet=Schedule(2, 1e-3),
        controlnet_loss=DiffusionLoss(dropout=0.0, batch=2),
        guided=Schedule(2, 1e-3),
        matched=Schedule(2, 1e-4),
        matching_loss=MatchingLoss(anchor=DiffusionLoss(batch=2), batch=2, tiles=16),
        sampling_steps=2,
        calibration_conditions=5,
        calibration_images=1,
        evaluation_conditions=3,
        evaluation_images=1,
        replay_tiles=4,
    )
    return dataclasses.replace(tiny, **changes)  # type: ignore[arg-type]


def test_every_stage_runs_and_the_version_loads(tmp_path: Path) -> None:
    folder = train(write_dataset(tmp_path / "data"), tmp_path / "run", plan())
    assert folder == tmp_path / "run" / "blobs-1"
    made = load(folder)
    assert made.record.lineage.steps == STEPS
    assert (made.record.guidance, made.record.guidance_learnt) == (1.0, 1.5)
    assert set(made.record.metrics.reconstruction_psnr) == {500}
    assert set(made.record.metrics.denoising_ssim) == {500}
    assert len(made.record.held_out) == 3
    assert made.replay is not None
    assert made.sample(conditions(), magnification=500, n=1, seed=0).shape == (1, 32, 32)


def test_a_version_is_calibrated_anew_and_keeps_its_networks(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data")
    old = train(data, tmp_path / "run", plan())
    assert old is not None
    folder = recalibrate(old, data, tmp_path / "again", "blobs-2", plan(evaluation_images=2))
    first, second = load(old), load(folder)
    assert (second.version, second.record.lineage.parent) == ("blobs-2", "blobs-1")
    assert second.record.lineage.kind == "recalibrated"
    assert second.record.metrics.images_per_condition == 2
    assert second.calibration == first.calibration  # the measures are those of before
    for part in ("vae", "unet", "controlnet"):
        name = Path(part) / "diffusion_pytorch_model.safetensors"
        assert (folder / name).read_bytes() == (old / name).read_bytes()
    with pytest.raises(UnusableInput, match="exists"):
        recalibrate(old, data, tmp_path / "again", "blobs-2", plan())
    with pytest.raises(UnusableInput, match="was not trained on"):
        recalibrate(old, write_dataset(tmp_path / "other", number=13), tmp_path / "x", "blobs-3", plan())
    assert not (tmp_path / "x").exists()


def test_nothing_is_trained_on_an_autoencoder_that_loses_texture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.generator.stages.texture_through", lambda *_: {"texture_mean": (0.79, 0.99)})
    with pytest.raises(UnusableInput, match=r"slope 0\.79.*needed 0\.8 and 0\.97.*--steps vae=4\."):
        train(write_dataset(tmp_path / "data"), tmp_path / "run", plan())
    assert (tmp_path / "run" / "vae.safetensors").exists()
    assert not (tmp_path / "run" / "joint.safetensors").exists()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As on a full disk, for this process and those that it starts."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.timeout(180)
def test_a_checkpoint_that_finds_no_room_is_one_sentence_and_the_last_one_stays(tmp_path: Path) -> None:
    data, run = write_dataset(tmp_path / "data"), tmp_path / "run"
    train(data, run, plan(), until="vae")
    before = (run / "vae.safetensors").read_bytes()
    longer = plan(vae=Schedule(3, 1e-3))
    # Also from processes of its own the sentence comes back.
    with (
        files_no_larger_than(4096),
        pytest.raises(UnusableInput, match=r"run cannot be written \(.*\); make"),
    ):
        train(data, run, dataclasses.replace(longer, processes=2), until="vae")
    assert (run / "vae.safetensors").read_bytes() == before
    assert not list(run.glob("*.writing"))
    train(data, run, longer, until="vae")
    assert checkpoint_state(run / "vae.safetensors")["step"] == 3


def test_a_stage_that_others_have_learnt_from_is_not_made_longer(tmp_path: Path) -> None:
    data, run = write_dataset(tmp_path / "data"), tmp_path / "run"
    train(data, run, plan(), until="controlnet")
    kept = (run / "joint.safetensors").read_bytes()
    with pytest.raises(UnusableInput, match=r"stage joint .* controlnet\.safetensors there come from it"):
        train(data, run, plan(joint=Schedule(4, 1e-3)), until="controlnet")
    with pytest.raises(UnusableInput, match=r"stage vae .* joint\.safetensors, .*latents_500\.npy there"):
        train(data, run, plan(vae=Schedule(4, 1e-3)), until="vae")
    assert (run / "joint.safetensors").read_bytes() == kept
    train(data, run, plan(controlnet=Schedule(4, 1e-3)), until="controlnet")
    assert checkpoint_state(run / "controlnet.safetensors")["step"] == 4


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    data, run = write_dataset(tmp_path / "data"), tmp_path / "run"
    train(data, run, plan(), until="vae")
    os.truncate(run / "vae.safetensors", 2000)
    with pytest.raises(UnusableInput, match=r"vae\.safetensors is damaged .* delete it"):
        train(data, run, plan(), until="vae")


def test_a_folder_of_another_run_is_not_taken_over(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data")
    train(data, tmp_path / "run", plan(), until="vae")
    with pytest.raises(UnusableInput, match="another seed or start"):
        train(data, tmp_path / "run", plan(seed=1), until="vae")


def test_one_plan_gives_one_set_of_weights(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data")
    for run in ("a", "b"):
        train(data, tmp_path / run, plan(), until="vae")
    assert (tmp_path / "a" / "vae.safetensors").read_bytes() == (
        tmp_path / "b" / "vae.safetensors"
    ).read_bytes()


def wait_in(folder: Path, team: object) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(120)


def runs(process: int) -> bool:
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


KILLED = """
import sys
from pathlib import Path
from models.generator.team import run_together
from tests.models.generator.test_train import wait_in
if __name__ == "__main__":
    run_together(wait_in, (Path(sys.argv[1]),), 2)
"""


@pytest.mark.timeout(180)
def test_a_killed_training_leaves_no_process_behind(tmp_path: Path) -> None:
    script, folder = tmp_path / "killed.py", tmp_path / "members"
    script.write_text(KILLED, encoding="utf-8")
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    parent = subprocess.Popen([sys.executable, str(script), str(folder)], env=environment)
    deadline = time.monotonic() + 90
    try:
        while len(members := [int(path.name) for path in folder.iterdir()]) < 2:
            assert parent.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 20
    while any(map(runs, members)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
