import csv
from pathlib import Path

import pytest

from models.generator.optimisation import Schedule, checkpoint_state
from models.generator.plan import EarlyStop
from models.generator.train import train
from models.generator.watching import good_enough
from tests.models.generator.stand_in import write_dataset
from tests.models.generator.test_train import plan

pytestmark = pytest.mark.slow  # it brings in the networks


def seen(psnr: float, ssim: float) -> dict[str, str]:
    return {
        "stage": "joint",
        "psnr_500": str(psnr),
        "ssim_500": str(ssim),
        "psnr_900": "40",
        "ssim_900": "0.99",
    }


def test_good_enough_is_both_measures_at_every_magnification_for_long_enough() -> None:
    wanted = EarlyStop(psnr_db=34.0, ssim=0.965, patience=3)
    assert good_enough([seen(35, 0.97)] * 3, wanted)
    assert not good_enough([seen(35, 0.97)] * 2, wanted)
    assert not good_enough([seen(35, 0.97), seen(33, 0.97), seen(35, 0.97)], wanted)
    assert not good_enough([seen(35, 0.97), seen(35, 0.97), seen(35, 0.96)], wanted)


def test_a_stage_that_is_good_enough_ends_early_and_is_not_begun_again(tmp_path: Path) -> None:
    data, run = write_dataset(tmp_path / "data"), tmp_path / "run"
    easy = plan(
        joint=Schedule(6, 1e-3, checkpoint_every=1), early_stop=EarlyStop(psnr_db=0.0, ssim=-1.0, patience=2)
    )
    train(data, run, easy, until="joint")
    assert checkpoint_state(run / "joint.safetensors")["step"] == 2
    train(data, run, easy, until="joint")
    with (run / "progress.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["1", "2"]
    assert all(float(row["psnr_500"]) > 0 and float(row["loss"]) > 0 for row in rows)
    assert (run / "progress.png").stat().st_size > 0
    assert (run / "samples-joint-000002.png").exists()
