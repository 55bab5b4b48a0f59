import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from devices.errors import LabError
from devices.images import FrameProvenance, read_provenance, write_frame

PROVENANCE = FrameProvenance(
    key="b-1",
    magnification=3000.0,
    field=2,
    pixel_size_um=0.0330729,
    simulated=True,
    acquired_at="2026-01-01T09:00:00Z",
    instrument="microscope",
    information_bar_rows=64,
)
PIXELS = np.arange(48, dtype=np.uint8).reshape(6, 8)


def test_a_frame_carries_its_pixel_size_and_provenance(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "b-1_3000x_002.tif"
    write_frame(path, PIXELS, PROVENANCE)
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        numerator, denominator = page.tags["XResolution"].value
        assert page.tags["ResolutionUnit"].value == 3  # centimetre
        assert 1e4 * denominator / numerator == pytest.approx(0.0330729, rel=1e-6)
        assert np.array_equal(page.asarray(), PIXELS)
        assert "conditions" not in json.loads(page.description)
    assert read_provenance(path) == PROVENANCE
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_same_frame_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.tif", "two.tif"):
        write_frame(tmp_path / name, PIXELS, PROVENANCE)
    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "two.tif").read_bytes()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be written"):
        write_frame(tmp_path / "file" / "b.tif", PIXELS, PROVENANCE)


def test_an_image_of_someone_else_has_no_provenance(tmp_path: Path) -> None:
    path = tmp_path / "other.tif"
    tifffile.imwrite(path, PIXELS)
    with pytest.raises(LabError, match="no provenance"):
        read_provenance(path)
