import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from cli.main import app

pytestmark = pytest.mark.slow

CAMPAIGN = "campaigns/library/membrane.yaml"


def said(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, ["dataset", *arguments])
    return outcome.exit_code, outcome.stdout


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from campaigns.specification import load

    monkeypatch.setenv("MORPHOLOOP_HOME", str(tmp_path / "home"))
    campaign = load(Path(CAMPAIGN))
    magnification = campaign.imaging.views[0].magnification
    searched = [one for one in campaign.parameters if one.bounds or one.categories]
    lines = [",".join(["image", "magnification", "pixel_size_um", *(one.name for one in searched)])]
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (150, 200), np.uint8)
        tifffile.imwrite(tmp_path / f"{number}.tif", pixels)
        values = [
            str(one.bounds[0] + number / 4 * (one.bounds[1] - one.bounds[0]))
            if one.bounds
            else (one.categories or ("",))[0]
            for one in searched
        ]
        lines.append(",".join([f"{number}.tif", str(magnification), "0.1", *values]))
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_own_micrographs_become_a_data_set_that_is_listed_shown_and_exported(table, tmp_path):
    assert said("list")[1].startswith("There are no data sets yet")
    status, out = said("ingest", str(table), "--campaign", CAMPAIGN, "--name", "mine", "--json")
    made = json.loads(out)
    assert (status, made["name"], made["conditions"]) == (0, "mine", 4)
    assert made["splits"] == {"train": 3, "held_out": 1}
    (listed,) = json.loads(said("list", "--json")[1])["datasets"]
    assert listed["fingerprint"] == made["fingerprint"]
    assert "tiles of 15 µm (128 px)" in said("show", "mine")[1]
    status, _ = said("export", "mine", "--out", str(tmp_path / "shared"), "--images")
    assert status == 0
    pictures = list((tmp_path / "shared" / "tiles").glob("*.png"))
    assert len(pictures) == sum(made["tiles"].values())
    again = json.loads(said("show", str(tmp_path / "shared"), "--json")[1])
    assert again["fingerprint"] == made["fingerprint"]
    assert not list(tmp_path.glob(".shared*"))


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["show", "nothing"], "There is no data set 'nothing'; known are none"),
        (["ingest", "labels.csv", "--campaign", CAMPAIGN, "--name", "../up"], "cannot name a data set"),
        (["ingest", "labels.csv", "--campaign", CAMPAIGN, "--name", "a", "--tile-um", "3000"], "3000=30"),
        (["ingest", "none.csv", "--campaign", CAMPAIGN, "--name", "a"], "cannot be read"),
    ],
)
def test_unusable_input_is_one_sentence(table, arguments, fault):
    from models.errors import UnusableInput

    outcome = CliRunner().invoke(app, ["dataset", *arguments])
    assert isinstance(outcome.exception, UnusableInput)
    assert fault in str(outcome.exception)


@pytest.mark.slow
def test_simulated_micrographs_by_one_command(tmp_path):
    from models.generator.dataset import read_dataset

    outcome = CliRunner().invoke(app, ["simulate", str(tmp_path / "lmr"), "-n", "2", "--jobs", "1"])
    assert outcome.exit_code == 0, outcome.output
    assert len(read_dataset(tmp_path / "lmr").conditions) == 2
    again = CliRunner().invoke(app, ["simulate", str(tmp_path / "lmr"), "-n", "2"])
    assert "is not empty" in str(again.exception)
