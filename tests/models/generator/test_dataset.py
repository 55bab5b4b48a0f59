from pathlib import Path

import numpy as np
import pytest

from models.errors import UnusableInput
from models.generator.dataset import read_dataset
from tests.models.generator.stand_in import write_dataset

pytestmark = pytest.mark.slow  # it brings in the networks


def test_reads_conditions_splits_and_tiles(tmp_path: Path) -> None:
    data = read_dataset(write_dataset(tmp_path / "d"))
    assert data.schema.time_parameter == "hold_min"
    assert data.conditions[0]["gas"] == "air"
    assert data.held_out_splits == ("held_out",)
    assert data.rows_in("held_out") == [2, 6, 10]
    assert data.tiles[500].of_row(3).shape == (3, 32, 32)
    assert data.training_mask(500).sum() == 27


def test_the_fingerprint_follows_the_pixels(tmp_path: Path) -> None:
    one = read_dataset(write_dataset(tmp_path / "a")).fingerprint
    assert one == read_dataset(write_dataset(tmp_path / "b")).fingerprint
    tiles = np.load(tmp_path / "b" / "tiles_500.npy")
    np.save(tmp_path / "b" / "tiles_500.npy", tiles + 1)
    assert one != read_dataset(tmp_path / "b").fingerprint


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("dataset.json", None, "no data set"),
        ("dataset.json", "{}", "cannot be understood"),
        ("conditions.csv", None, "no conditions.csv"),
        ("conditions.csv", "row,feed\n0,1\n", "Line 1"),
        (
            "conditions.csv",
            "row,feed,hold_min,gas,pressure,split\n0,1,20,Ar,1,test\n",
            "no condition as 'train'",
        ),
        ("tiles_500.npy", None, "cannot be read"),
        ("tiles_500.npy", "not numpy", "cannot be read"),
    ],
)
def test_an_unusable_folder_is_told(tmp_path: Path, file: str, content: str | None, told: str) -> None:
    folder = write_dataset(tmp_path / "d")
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)
    with pytest.raises(UnusableInput, match=told):
        read_dataset(folder)


def test_rows_that_name_no_condition_are_refused(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "d")
    np.save(folder / "rows_500.npy", np.full(36, 12, dtype=np.int32))
    with pytest.raises(UnusableInput, match="one of the 12 conditions"):
        read_dataset(folder)
