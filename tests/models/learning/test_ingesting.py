import csv
import json

import numpy as np
import pytest
import tifffile
import yaml

from models.errors import UnusableInput
from models.generator.dataset import read_dataset
from models.learning.ingesting import Subject, ingest
from models.values import Parameter

SUBJECT = Subject(
    material="beads",
    parameters=(
        Parameter("pH", "", 9.0, 11.0, 0.1),
        Parameter("time_min", "min", 10.0, 100.0, 10.0),
        Parameter("gas", "", categories=("N2", "O2", "Ar")),
    ),
    views={500: ("phase_fraction",)},
)
HEADER = "image,magnification,pH,time_min,gas,pixel_size_um,psa_d50_um"


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(4):
        height = 64 if number else 80
        tifffile.imwrite(tmp_path / f"{number}.tif", rng.integers(0, 255, (height, 96), np.uint8))
    return tmp_path


def table(folder, *lines, header=HEADER):
    path = folder / "labels.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path


FOUR = (
    "0.tif,500,10,20,N2,0.5,",
    "1.tif,500,10,40,N2,0.5,7.5",
    "2.tif,500,10.4,40,O2,0.5,7.9",
    "3.tif,500,10.4,40,O2,0.5,8.1",
)


def test_a_table_becomes_a_data_set_that_training_reads(images):
    ingest(table(images, *FOUR), images / "sets" / "beads", SUBJECT, tile_size=32)
    found = read_dataset(images / "sets" / "beads")
    assert found.conditions[0] == {"pH": 10.0, "time_min": 20.0, "gas": "N2"}
    assert len(found.conditions) == 3
    assert sorted(found.splits) == ["held_out", "train", "train"]
    covered = {one.name: one for one in found.schema.parameters}
    assert (covered["pH"].low, covered["pH"].high, covered["time_min"].unit) == (10.0, 10.4, "min")
    assert covered["gas"].categories == ("N2", "O2")
    assert found.schema.time_parameter == "time_min"
    # The smallest image is 64 px of 0.5 µm high.
    assert found.schema.magnifications[500].pixel_size_um == pytest.approx(32.0 / 32)
    assert found.tiles[500].pixels.shape[1:] == (32, 32)
    both = found.tiles[500].of_row(2)
    assert len(both) == 2 * len(found.tiles[500].of_row(1))
    assert found.diffraction() == [7.5, 8.0]


def test_yaml_with_several_images_of_one_condition_and_splits_of_its_own(images):
    entries = [
        {"image": ["0.tif", "1.tif"], "magnification": 500, "pH": 10, "time_min": 20, "gas": "N2"},
        {"image": "2.tif", "magnification": 500, "pH": 11, "time_min": 20, "gas": "N2", "split": "judge"},
    ]
    path = images / "labels.yaml"
    path.write_text(yaml.safe_dump([{**one, "pixel_size_um": 0.5} for one in entries]), encoding="utf-8")
    ingest(path, images / "beads", SUBJECT, tile_um={500: 16.0}, tile_size=32)
    found = read_dataset(images / "beads")
    assert found.splits == ("train", "judge")
    assert found.schema.magnifications[500].pixel_size_um == 0.5
    assert json.loads((images / "beads" / "dataset.json").read_text())["source"] == "labels.yaml"


@pytest.mark.parametrize(
    ("lines", "header", "options", "fault"),
    [
        (["0.tif,700,10,20,N2,0.5,"], HEADER, {}, "no view in the campaign, which images at 500"),
        (["0.tif,500,ten,20,N2,0.5,"], HEADER, {}, "pH in line 2"),
        (["0.tif,500,10,20,He,0.5,"], HEADER, {}, "gas in line 2 .*knows N2, O2, Ar"),
        (["0.tif,500,nan,20,N2,0.5,"], HEADER, {}, "finite"),
        (["0.tif,500,10,20,N2,,"], HEADER, {}, "pixel"),
        (["9.tif,500,10,20,N2,0.5,"], HEADER, {}, "9.tif"),
        (["0.tif,500,10"], "image,magnification,pH", {}, "lacks the columns time_min, gas"),
        ([], HEADER, {}, "names no image"),
        (FOUR, HEADER, {"tile_um": {500: 400.0}}, "less than one tile"),
        (FOUR, HEADER, {"tile_um": {900: 40.0}}, "no image of magnification 900"),
        (FOUR, HEADER, {"hold_out": 1.0}, "cannot be held out"),
        (
            ["0.tif,500,10,20,N2,0.5,train", "1.tif,500,10,20,N2,0.5,judge"],
            "image,magnification,pH,time_min,gas,pixel_size_um,split",
            {},
            "one split to each condition",
        ),
    ],
)
def test_what_cannot_be_used_is_named_and_leaves_nothing(images, lines, header, options, fault):
    with pytest.raises(UnusableInput, match=fault):
        ingest(table(images, *lines, header=header), images / "beads", SUBJECT, tile_size=32, **options)
    assert not (images / "beads").exists()
    assert not list(images.glob(".ingesting-*"))


def test_an_existing_folder_is_left_alone(images):
    (images / "beads").mkdir()
    with pytest.raises(UnusableInput, match="exists already"):
        ingest(table(images, *FOUR), images / "beads", SUBJECT, tile_size=32)
    with (images / "labels.csv").open() as stream:
        assert len(list(csv.reader(stream))) == 5
