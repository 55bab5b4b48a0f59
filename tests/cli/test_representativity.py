import json
import struct
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage

from cli.main import run


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        run(["representativity", *map(str, arguments)])
    return ended.value.code, capsys.readouterr()


def blobs(side=300, seed=0, dimensions=2):
    noise = np.random.default_rng(seed).standard_normal((side,) * dimensions)
    return (ndimage.gaussian_filter(noise, 3, mode="wrap") > 0).astype(np.uint8)


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.png"
    Image.fromarray(100 * blobs() + 50 * blobs(seed=1)).save(path)
    return path


def header_without_data(path):
    """A TIFF that says it has 20,000 × 20,000 pixels, and ends there."""
    entries = [(256, 20_000), (257, 20_000), (258, 8), (259, 1), (262, 1), (273, 200), (278, 20_000)]
    entries.append((279, 400_000_000))
    packed = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + b"\0" * 4)


def bad(kind, folder):
    """A file of each kind of bad image."""
    path = folder / f"{kind}.tif"
    whole = blobs()
    arrays = {
        "nan": np.full((300, 300), np.nan, np.float32),
        "partly nan": np.where(whole, np.nan, 0).astype(np.float32),
        "infinite": np.where(whole, np.inf, 0).astype(np.float32),
        "one colour": np.full((300, 300), 7, np.uint8),
        "one pixel": np.ones((1, 1), np.uint8),
        "one row": whole[:1],
        "grey": np.random.default_rng(0).integers(0, 255, (300, 300), np.uint8),
        "complex": whole.astype(np.complex64),
    }
    if kind in arrays:
        tifffile.imwrite(path, arrays[kind])
    elif kind == "five channels":
        tifffile.imwrite(path, np.stack([whole] * 5), photometric="minisblack", metadata={"axes": "CYX"})
    elif kind == "header":
        header_without_data(path)
    elif kind == "text":
        path.write_text("time,temperature\n0,25\n")
    elif kind == "cut off":
        tifffile.imwrite(path, whole)
        path.write_bytes(path.read_bytes()[:20_000])
    elif kind == "png cut off":
        path = folder / "cut.png"
        Image.fromarray(255 * whole).save(path)
        path.write_bytes(path.read_bytes()[:900])
    else:
        path.write_bytes(b"")
    return path


@pytest.mark.parametrize("options", [(), ("--each-phase",), ("--method", "imagerep")])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", "is empty"),
        ("nan", "NaN"),
        ("partly nan", "NaN"),
        ("infinite", "NaN or infinite"),
        ("one colour", "no contrast"),
        ("one pixel", "at least 24 px"),
        ("one row", "at least 24 px"),
        ("grey", "not segmented"),
        ("complex", "complex64"),
        ("five channels", "5 channels"),
        ("header", "20000 × 20000|cut off"),
        ("text", "damaged|not an image"),
        ("cut off", "cut off"),
        ("png cut off", "cut off"),
    ],
)
def test_a_bad_image_is_one_sentence(capsys, tmp_path, kind, words, options):
    code, said = call(capsys, bad(kind, tmp_path), *options)
    assert (code, said.out) == (2, "")
    assert any(word in said.err for word in words.split("|"))
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err


@pytest.mark.slow
def test_a_huge_header_takes_little_memory(tmp_path):
    # Not getrusage: what that says of a child starts from the peak of the process that made it.
    program = (
        "import re, sys; from cli.main import run\n"
        "try: run(sys.argv[1:])\n"
        "except SystemExit as end:\n"
        "    status = open('/proc/self/status').read()\n"
        "    print(end.code, re.search(r'VmHWM:\\s+(\\d+)', status)[1])"
    )
    path = bad("header", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", program, "representativity", path], capture_output=True, text=True, check=True
    )
    code, peak_kb = map(int, done.stdout.split())
    assert code == 2
    assert peak_kb < 1e6


def test_every_phase_is_told(capsys, labels):
    code, said = call(capsys, labels, "--each-phase", "--json", "--confidence", "0.96")
    told = json.loads(said.out)
    assert code == 0
    assert told["confidence"] == 0.96
    assert list(told["phases"]) == ["0", "50", "100", "150"]
    assert sum(one["phase_fraction"] for one in told["phases"].values()) == pytest.approx(1)
    assert told["phases"]["50"]["confidence"] == pytest.approx(0.99)
    code, said = call(capsys, labels, "--each-phase")
    assert "Pixel value 150: Phase fraction 0." in said.out


def test_one_phase_or_all_but_not_both(capsys, labels):
    code, said = call(capsys, labels, "--each-phase", "--phase", 50)
    assert code == 2
    assert "not both" in said.err


def test_a_person_is_told_how_many_more_images_or_how_large_a_one(capsys, labels):
    code, said = call(capsys, labels, "--phase", 150)
    assert code == 0
    assert "not representative" in said.out
    assert "further images of the same size, or one image of" in said.out
    told = json.loads(call(capsys, labels, "--phase", 150, "--json")[1].out)
    assert (told["n_fields"], told["representative"]) == (1, False)
    assert told["further_fields"] > 0
    assert told["effective_samples"] > 30


def test_a_volume_needs_slices_of_one_size(capsys, tmp_path, labels):
    assert "one page" in call(capsys, labels, "--volume")[1].err
    path = tmp_path / "volume.tif"
    tifffile.imwrite(path, blobs(64, dimensions=3), photometric="minisblack")
    told = json.loads(call(capsys, path, "--volume", "--json")[1].out)
    assert told["integral_range_px"] > 1
    assert told["n_fields"] == 1


def test_colours_are_phases(capsys, tmp_path):
    path = tmp_path / "colours.png"
    Image.fromarray(np.array([[200, 30, 30], [20, 20, 220]], np.uint8)[blobs()]).save(path)
    told = json.loads(call(capsys, path, "--json")[1].out)
    assert told["phase_fraction"] == pytest.approx(1 - blobs().mean())
