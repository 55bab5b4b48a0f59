import numpy as np
import pytest
import tifffile

from models.errors import UnusableInput
from models.generator.schema import GeneratorSchema, MagnificationInfo, ParameterRange
from models.learning.labelled import read_labelled

SCHEMA = GeneratorSchema(
    material="x",
    simulated=True,
    parameters=(
        ParameterRange(name="pH", low=9, high=11),
        ParameterRange(name="gas", categories=("N2", "O2")),
        ParameterRange(name="stirring_rpm", unit="rpm", low=1000, high=1000),
    ),
    magnifications={500: MagnificationInfo(pixel_size_um=0.5, descriptors=("phase_fraction",))},
)
HEADER = "image,magnification,pH,gas,pixel_size_um,split\n"


def write(tmp_path, *lines, header=HEADER):
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(tmp_path / name, np.random.default_rng(0).integers(0, 255, (80, 80), np.uint8))
    table = tmp_path / "labels.csv"
    table.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    return table


def test_images_of_one_condition_are_pooled_and_splits_kept_apart(tmp_path):
    table = write(
        tmp_path, "a.tif,500,10,N2,0.25,", "b.tif,500,10,N2,0.25,train", "a.tif,500,10.5,O2,0.25,judge"
    )
    first, second = read_labelled(table, SCHEMA, 32)
    assert first.conditions == {"pH": 10.0, "gas": "N2"}
    assert first.pixels.shape == (2 * 4, 32, 32)
    assert (first.split, second.split) == ("train", "judge")
    assert 0 <= first.pixels.min() < first.pixels.max() <= 1


@pytest.mark.parametrize(
    ("lines", "header", "fault"),
    [
        (["a.tif,500,ten,N2,0.25,"], HEADER, "pH in line 2"),
        (["a.tif,500,10,N2,0.25,", "a.tif,500,10,He,0.25,"], HEADER, "line 3 .*gas must be one of"),
        (["a.tif,700,10,N2,0.25,"], HEADER, "no magnification 700"),
        (["a.tif,500,10,N2,,"], HEADER, "a.tif"),
        (["c.tif,500,10,N2,0.25,"], HEADER, "c.tif"),
        ([",500,10,N2,0.25,"], HEADER, "Line 2 .* names no image"),
        (["a.tif,500,10"], "image,magnification,pH\n", "lacks the columns gas"),
        ([], HEADER, "names no image"),
    ],
)
def test_every_fault_says_where_it_is(tmp_path, lines, header, fault):
    with pytest.raises(UnusableInput, match=fault):
        read_labelled(write(tmp_path, *lines, header=header), SCHEMA, 32)
