import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from cli.main import run


@pytest.fixture
def fields(tmp_path):
    """Three fields of round particles with their pixel size, and an information bar."""
    folder = tmp_path / "fields"
    folder.mkdir()
    for number in range(3):
        rng = np.random.default_rng(number)
        y, x = np.mgrid[:240, :320].astype(float)
        image = np.full(y.shape, 0.15)
        for cx in range(40, 320, 80):
            for cy in range(40, 240, 80):
                radius = rng.uniform(22, 30)
                image += np.clip(radius - np.hypot(x - cx, y - cy) + 0.5, 0, 1) * (0.6 - image)
        image = ndimage.gaussian_filter(image, 0.6) + rng.normal(0, 0.01, y.shape)
        bar = np.zeros((20, 320))
        bar[0] = 1
        pixels = (np.clip(np.vstack([image, bar]), 0, 1) * 255).astype(np.uint8)
        tifffile.imwrite(
            folder / f"f{number}.tif", pixels, resolution=(100_000, 100_000), resolutionunit="CENTIMETER"
        )
    return folder


@pytest.fixture
def phases(tmp_path):
    rough = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((300, 300)), 3)
    path = tmp_path / "phases.tif"
    tifffile.imwrite(path, (rough > 0).astype(np.uint8) * 255)
    return path


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        run([str(argument) for argument in arguments])
    return ended.value.code, capsys.readouterr()


def test_quantify_prints_the_promised_object(capsys, fields, tmp_path):
    masks, overlays = tmp_path / "masks", tmp_path / "overlays"
    code, said = call(capsys, "quantify", fields, "--masks", masks, "--overlay", overlays, "--json")
    assert code == 0
    told = json.loads(said.out)
    assert len(told["images"]) == 3
    image = told["images"][0]
    assert {"path", "pixel_size_um", "kind", "n_particles", "span", "sphericity_sd", "warnings"} <= set(image)
    assert image["pixel_size_um"] == pytest.approx(0.1)
    assert image["kind"] == "particles"
    assert image["n_particles"] == 12
    assert image["texture_mean"] is None
    d50 = told["pooled"]["d50_um"]
    assert d50["value"] == pytest.approx(5.2, abs=0.3)
    assert d50["ci"][0] < d50["value"] < d50["ci"][1]
    assert d50["n_fields"] == 3
    labels = tifffile.imread(masks / "f0.tif")
    assert labels.dtype == np.uint16
    assert labels.shape == (240, 320)
    assert labels.max() == 12
    assert sorted(path.name for path in overlays.iterdir()) == ["f0.png", "f1.png", "f2.png"]


def test_quantify_tells_a_person(capsys, fields):
    code, said = call(capsys, "quantify", fields)
    assert code == 0
    assert "d50_um" in said.out
    assert "µm" in said.out


def test_images_of_one_name_do_not_overwrite_each_other(capsys, fields, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "f0.tif").write_bytes((fields / "f0.tif").read_bytes())
    call(capsys, "quantify", fields / "f0.tif", other, "--masks", tmp_path / "masks")
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["f0.tif", "f0_2.tif"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.tif"], "no file"),
        (["{fields}", "--kind", "colour"], "--kind colour"),
        (["{fields}", "--segmenter", "magic"], "magic"),
        (["{fields}", "--segmenter", "sam"], "--sam-checkpoint"),
        (["{fields}", "--pixel-size-um", "-1"], "positive"),
    ],
)
def test_unusable_input_ends_with_one_sentence(capsys, fields, arguments, words):
    code, said = call(capsys, "quantify", *(str(a).replace("{fields}", str(fields)) for a in arguments))
    assert code == 2
    assert said.out == ""
    assert words in said.err
    assert said.err.count("\n") == 1


def test_representativity_prints_the_promised_object(capsys, phases):
    code, said = call(capsys, "representativity", phases, "--json")
    assert code == 0
    told = json.loads(said.out)
    assert list(told)[:9] == [
        "phase_fraction",
        "integral_range_px",
        "confidence",
        "ci",
        "abs_error",
        "rel_error",
        "target_error",
        "required_size_px",
        "representative",
    ]
    assert told["phase_fraction"] == pytest.approx(0.5, abs=0.1)
    assert told["ci"][0] < told["phase_fraction"] < told["ci"][1]


def test_representativity_can_be_required(capsys, phases):
    assert call(capsys, "representativity", phases, "--require", "--target-error", "0.001")[0] == 1
    assert call(capsys, "representativity", phases, "--require", "--target-error", "0.9")[0] == 0


def test_pages_are_a_stack_or_a_volume(capsys, tmp_path):
    rough = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((64, 64, 64)), 2)
    path: Path = tmp_path / "volume.tif"
    tifffile.imwrite(path, (rough > 0).astype(np.uint8), photometric="minisblack")
    stack = json.loads(call(capsys, "representativity", path, "--json")[1].out)
    volume = json.loads(call(capsys, "representativity", path, "--volume", "--json")[1].out)
    assert stack["phase_fraction"] == pytest.approx(volume["phase_fraction"])
    assert volume["required_size_px"] < stack["required_size_px"]


def test_grey_images_are_refused(capsys, fields):
    code, said = call(capsys, "representativity", fields / "f0.tif")
    assert code == 2
    assert "not segmented" in said.err
