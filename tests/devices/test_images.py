import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cli.main import run
from devices.errors import LabError
from devices.images import FrameProvenance, read_provenance, write_frame
from devices.vendor_header import ZEISS_TAG, BeamSettings

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
BEAM = BeamSettings(kilovolts=5.0, working_distance_mm=6.0, dwell_ns=20_000.0, detector="SE2")
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


def test_a_vendors_header_says_what_the_description_says(tmp_path: Path) -> None:
    for name in ("one.tif", "two.tif"):
        write_frame(tmp_path / name, PIXELS, PROVENANCE, BEAM)
    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "two.tif").read_bytes()
    assert read_provenance(tmp_path / "one.tif") == PROVENANCE
    with tifffile.TiffFile(tmp_path / "one.tif") as file:
        said = file.sem_metadata
    assert said is not None
    assert said["ap_actualkv"] == ("EHT", 5.0, "kV")
    assert said["ap_mag"] == ("Mag", "3 K X")
    assert said["ap_image_pixel_size"] == ("Image Pixel Size", pytest.approx(33.0729), "nm")
    assert said["ap_wd"] == ("WD", 6.0, "mm")
    assert said["dp_detector_type"] == ("Detector", "SE2")
    assert said["dp_dwell_time"] == ("Dwell Time", 20000, "ns")
    assert (said["ap_date"], said["ap_time"]) == (("Date", "1 Jan 2026"), ("Time", "09:00:00"))


def test_quantify_finds_the_pixel_size_in_the_vendors_header_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    field = np.random.default_rng(0).integers(0, 255, (160, 200), dtype=np.uint8)
    write_frame(tmp_path / "whole.tif", field, PROVENANCE, BEAM)
    with tifffile.TiffFile(tmp_path / "whole.tif") as file:
        header = file.pages.first.tags[ZEISS_TAG]
        file.filehandle.seek(header.valueoffset)
        text = file.filehandle.read(header.count)
    tags = [(ZEISS_TAG, "s", 0, text, True)]
    tifffile.imwrite(tmp_path / "vendor.tif", field, metadata=None, extratags=tags)
    tifffile.imwrite(tmp_path / "bare.tif", field, metadata=None)
    with pytest.raises(SystemExit) as told:
        run(["quantify", str(tmp_path / "vendor.tif"), "--kind", "texture", "--json"])
    assert told.value.code == 0
    (image,) = json.loads(capsys.readouterr().out)["images"]
    assert image["pixel_size_um"] == pytest.approx(0.0330729, rel=1e-5)
    with pytest.raises(SystemExit) as silent:
        run(["quantify", str(tmp_path / "bare.tif"), "--json"])
    assert silent.value.code == 2


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be written"):
        write_frame(tmp_path / "file" / "b.tif", PIXELS, PROVENANCE)


def test_an_image_of_someone_else_has_no_provenance(tmp_path: Path) -> None:
    path = tmp_path / "other.tif"
    tifffile.imwrite(path, PIXELS)
    with pytest.raises(LabError, match="no provenance"):
        read_provenance(path)
