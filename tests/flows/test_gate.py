"""The gate before the store: files by themselves, and against the other fields of their view."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from campaigns.ledger import Micrograph
from campaigns.specification import View
from flows.gate import Gate
from models.errors import UnusableInput
from sim.membrane import MembranePlant

VIEW = View.model_validate(
    {"magnification": 5000, "descriptors": ["phase_fraction"], "fields": {"min": 2, "max": 9}}
)
CAST = {
    "polymer_wt_pct": 16.0,
    "nonsolvent_pct": 4.0,
    "bath_temperature_C": 30.0,
    "evaporation_s": 30.0,
}
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@pytest.fixture(scope="module")
def fields() -> list[Pixels]:
    plant = MembranePlant(2)
    sample = plant.synthesise(CAST, batch=1)
    return [plant.render(sample, magnification=5000, field=f, scan=(640, 480)).pixels for f in range(4)]


def written(folder: Path, fields: list[Pixels], scales: list[float]) -> list[Path]:
    """Files that tell their scale (µm per pixel) by the resolution tag alone, as many microscopes do."""
    paths = []
    for number, (pixels, scale) in enumerate(zip(fields, scales, strict=True)):
        paths.append(folder / f"{number}.tif")
        resolution = (1e4 / scale, 1e4 / scale) if scale else None
        unit = "CENTIMETER" if scale else None
        tifffile.imwrite(paths[-1], pixels, resolution=resolution, resolutionunit=unit, metadata=None)
    return paths


def test_good_fields_pass_in_one_look_or_two(tmp_path: Path, fields: list[Pixels]) -> None:
    paths = written(tmp_path, fields, [0.04] * 4)
    assert [one.reason for one in Gate(VIEW, []).judge(paths, 0)] == [""] * 4
    passed = [Micrograph("measured", 5000, n, paths[n], "", 0.04) for n in (0, 2)]
    again = Gate(VIEW, passed).judge([paths[1], paths[0], paths[3]], 3)
    assert [one.reason for one in again] == ["", "the same scene as field 0", ""]
    assert [one.pixel_size_um for one in again] == pytest.approx([0.04] * 3, rel=1e-6)


def test_the_first_field_is_rejected_where_the_others_have_another_scale(
    tmp_path: Path, fields: list[Pixels]
) -> None:
    found = Gate(VIEW, []).judge(written(tmp_path, fields, [0.08, 0.04, 0.04, 0.0397]), 0)
    assert found[0].reason == (
        "wrong magnification: its pixels are 0.08 µm and not 0.04 µm as in the other fields"
    )
    assert [one.reason for one in found[1:]] == [""] * 3


def test_the_first_field_is_rejected_beside_sharper_ones(tmp_path: Path, fields: list[Pixels]) -> None:
    noise = np.random.default_rng(0).normal(0.0, 4.0, fields[0].shape)
    soft = ndimage.gaussian_filter(fields[0].astype(float), 3.0) + noise
    blurred = np.clip(soft, 0, 255).astype(np.uint8)
    found = Gate(VIEW, []).judge(written(tmp_path, [blurred, *fields[1:]], [0.04] * 4), 0)
    assert found[0].reason.startswith("out of focus")
    assert [one.reason for one in found[1:]] == [""] * 3


def test_a_file_without_a_scale_is_no_fault_of_the_image(tmp_path: Path, fields: list[Pixels]) -> None:
    with pytest.raises(UnusableInput, match="does not say its pixel size"):
        Gate(VIEW, []).judge(written(tmp_path, fields[:1], [0.0]), 0)


def test_a_stack_is_no_field(tmp_path: Path, fields: list[Pixels]) -> None:
    (path,) = written(tmp_path, [np.stack(fields[:2])], [0.04])
    (found,) = Gate(VIEW, []).judge([path], 0)
    assert found.reason == "2 pages instead of one field of view"


def test_an_empty_or_cut_file_is_corrupt(tmp_path: Path, fields: list[Pixels]) -> None:
    paths = written(tmp_path, fields[:3], [0.04] * 3)
    paths[0].write_bytes(b"")
    paths[1].write_bytes(paths[1].read_bytes()[:5000])
    found = Gate(VIEW, []).judge(paths, 0)
    assert [one.reason.split(":")[0] for one in found] == ["corrupt", "corrupt", ""]
    assert str(tmp_path) not in found[0].reason
