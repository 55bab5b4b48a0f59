"""`morpholoop quantify` beyond its promised object: tables, diffraction, refusals, processes, Ctrl-C."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage

from cli.main import run

PIXEL_UM = 0.1


def drawn(seed: int, lift: float = 0.0, blur: float = 0.6) -> np.ndarray:
    """Twelve round particles, one cut by the frame, and two that overlap."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:240, :320].astype(float)
    image = np.full(y.shape, 0.15)
    places = [(cx, cy) for cx in range(40, 320, 80) for cy in range(40, 240, 80)]
    for cx, cy in [*places[:-2], (275, 115), (275, 80), (318, 200)]:
        radius = rng.uniform(20, 28)
        image += np.clip(radius - np.hypot(x - cx, y - cy) + 0.5, 0, 1) * (0.6 - image)
    image = ndimage.gaussian_filter(image, blur) + lift + rng.normal(0, 0.01, y.shape)
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)


def saved(path: Path, pixels: np.ndarray) -> Path:
    per_cm = 10_000 / PIXEL_UM
    tifffile.imwrite(
        path, pixels, resolution=(per_cm, per_cm), resolutionunit="CENTIMETER", photometric="minisblack"
    )
    return path


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    folder = tmp_path / "fields"
    folder.mkdir()
    for seed in range(2):
        saved(folder / f"f{seed}.tif", drawn(seed))
    return folder


@pytest.fixture
def many(fields: Path) -> Path:
    """So many that they are measured in processes of their own."""
    for seed in range(2, 6):
        saved(fields / f"f{seed}.tif", drawn(seed))
    return fields


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        run(["quantify", *(str(argument) for argument in arguments)])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return int(ended.value.code or 0), said.out, said.err


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    code, out, _ = call(capsys, *arguments, "--json")
    assert code == 0
    return json.loads(out)


def test_a_table_has_a_row_for_every_particle(capsys, fields, tmp_path):
    wanted = ("--table", tmp_path / "t.csv", "--masks", tmp_path / "masks")
    # Silhouettes without shades are what this one is for.
    found = told(capsys, fields / "f0.tif", *wanted, "--segmenter", "classical")
    with (tmp_path / "t.csv").open() as file:
        rows = list(csv.DictReader(file))
    labels = tifffile.imread(tmp_path / "masks" / "f0.tif")
    assert len(rows) == labels.max()
    measured = [row for row in rows if row["standing"] == "measured"]
    assert len(measured) == found["images"][0]["n_particles"]
    assert {row["standing"] for row in rows} >= {"measured", "cut by the frame"}
    assert all(row["diameter_um"] == "" for row in rows if row["standing"] == "cut by the frame")
    for row in measured:
        assert labels[round(float(row["y_px"])), round(float(row["x_px"]))] == int(row["particle"])
        assert 3.8 < float(row["diameter_um"]) < 5.8
        assert float(row["area_um2"]) == pytest.approx(np.pi / 4 * float(row["diameter_um"]) ** 2, rel=1e-4)


def test_a_table_as_parquet(capsys, fields, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    told(capsys, fields / "f0.tif", "--table", tmp_path / "t.parquet")
    table = parquet.read_table(tmp_path / "t.parquet").to_pydict()
    assert len(table["particle"]) > 10
    assert None in table["diameter_um"]


def test_a_table_of_another_kind_is_refused_before_the_work(capsys, fields, tmp_path):
    code, out, err = call(capsys, fields, "--table", tmp_path / "t.xlsx")
    assert (code, out) == (2, "")
    assert ".csv or .parquet" in err


@pytest.mark.parametrize(("psa", "within"), [("4.87 um", True), ("4870 nm", True), ("7.9 µm", False)])
def test_sizes_are_compared_with_laser_diffraction(capsys, fields, psa, within):
    found = told(capsys, fields, "--psa-d50", psa, "--segmenter", "classical")
    compared = found["laser_diffraction"]
    assert compared["within"] is within
    assert compared["ratio"] == pytest.approx(
        found["pooled"]["d50_volume_um"]["value"] / compared["psa_d50_um"]
    )
    assert found["pooled"]["d50_volume_um"]["value"] >= found["pooled"]["d50_um"]["value"]


def test_laser_diffraction_is_told_to_a_person(capsys, fields):
    code, out, _ = call(capsys, fields, "--psa-d50", "7.9 um")
    assert code == 0
    assert "not within ±4%" in out


@pytest.mark.parametrize("psa", ["much", "-3 um", "3 kg"])
def test_a_size_that_is_none_is_refused(capsys, fields, psa):
    code, _, err = call(capsys, fields, "--psa-d50", psa)
    assert code == 2
    assert "--psa-d50" in err


def spoilt(how: str) -> np.ndarray:
    if how == "saturated":
        return drawn(0, lift=0.5)
    if how == "out of focus":
        return drawn(0, blur=9.0)
    return np.full((240, 320), 90, np.uint8)


@pytest.mark.parametrize("how", ["saturated", "out of focus", "black or empty"])
def test_what_cannot_be_trusted_is_refused_with_the_reason(capsys, tmp_path, how):
    path = saved(tmp_path / "a.tif", spoilt(how))
    code, out, err = call(capsys, path, "--kind", "particles", "--json")
    assert (code, out) == (2, "")
    assert how in err
    assert err.count("\n") == 1
    kept = told(capsys, path, "--kind", "particles", "--keep-doubtful")
    assert how in " ".join(kept["images"][0]["warnings"])


def test_one_bad_image_among_good_ones_is_left_out(capsys, fields):
    clean = told(capsys, fields)
    saved(fields / "z.tif", spoilt("saturated"))
    found = told(capsys, fields)
    assert found["pooled"] == clean["pooled"]
    assert "saturated" in found["images"][-1]["refused"]
    assert found["images"][-1]["d50_um"] is None
    assert found["images"][0]["refused"] is None


def test_overlays_hold_the_field_and_a_strip_of_numbers(capsys, fields, tmp_path):
    told(capsys, fields / "f0.tif", "--overlay", tmp_path / "over")
    picture = np.asarray(Image.open(tmp_path / "over" / "f0.png"))
    assert picture.shape[1] == 320
    assert picture.shape[0] > 240
    shown = {tuple(colour) for colour in picture[:240].reshape(-1, 3)}
    assert {(255, 176, 0), (86, 180, 233)} <= shown  # measured, and cut by the frame
    assert (picture[240:] == 255).all(axis=2).any()


def test_phases_and_grains_are_drawn_too(capsys, fields, tmp_path):
    for kind in ("phase", "grains"):
        told(capsys, fields / "f0.tif", "--kind", kind, "--overlay", tmp_path / kind)
        assert (tmp_path / kind / "f0.png").exists()


def test_the_pages_of_a_stack_are_fields(capsys, fields, tmp_path):
    stack = saved(tmp_path / "stack.tif", np.stack([drawn(seed) for seed in range(2)]))
    found = told(capsys, stack, "--masks", tmp_path / "masks")
    single = told(capsys, fields)
    assert found["pooled"] == single["pooled"]
    assert [image["page"] for image in found["images"]] == [1, 2]
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == [
        f"stack_p00{page}.tif" for page in (1, 2)
    ]


@pytest.mark.slow
def test_processes_and_order_do_not_change_the_result(capsys, many):
    alone = told(capsys, many, "--jobs", "1")
    together = told(capsys, *sorted(many.iterdir(), reverse=True), "--jobs", "2")
    assert together["pooled"] == alone["pooled"]
    assert together["images"] == alone["images"][::-1]


@pytest.mark.slow
def test_the_first_bad_file_is_told_whichever_process_met_it(capsys, many):
    (many / "a.tif").write_text("text")
    (many / "z.tif").write_bytes(b"")
    code, out, err = call(capsys, many, "--jobs", "2")
    assert (code, out) == (2, "")
    assert "a.tif is damaged" in err


@pytest.mark.slow
def test_an_interrupt_leaves_whole_files_alone(tmp_path):
    folder, overlays, table = tmp_path / "many", tmp_path / "over", tmp_path / "t.csv"
    folder.mkdir()
    for number in range(60):
        saved(folder / f"{number:02d}.tif", np.kron(drawn(number), np.ones((3, 3), np.uint8)))
    command = [sys.executable, "-m", "cli.main", "quantify", folder, "--overlay", overlays, "--table", table]
    process = subprocess.Popen(
        [*map(str, command), "--jobs", "2", "--segmenter", "classical"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    deadline = time.monotonic() + 50
    while not (overlays.is_dir() and list(overlays.glob("*.png"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    pictures = sorted(overlays.iterdir())
    assert 0 < len(pictures) < 60
    for picture in pictures:
        assert picture.suffix == ".png"
        Image.open(picture).load()
    assert not table.exists()
