"""`generate`, `predict` and `invert` on a stand-in generator that draws discs; JSON as promised."""

import json
import re

import numpy as np
import pytest
import tifffile
from PIL import Image

from cli import main
from models.generator.record import GeneratorRecord
from models.generator.schema import GeneratorSchema, MagnificationInfo, ParameterRange

pytestmark = pytest.mark.slow

SCHEMA = GeneratorSchema(
    material="discs",
    simulated=True,
    parameters=(
        ParameterRange(name="pH", low=9.8, high=11.0),
        ParameterRange(name="time_min", unit="min", low=30, high=720),
        ParameterRange(name="atmosphere", categories=("N2", "O2")),
        ParameterRange(name="stirring_rpm", unit="rpm", low=1000, high=1000),
    ),
    magnifications={3000: MagnificationInfo(pixel_size_um=0.25, descriptors=("d50_um", "sphericity_mean"))},
    time_parameter="time_min",
)
GIVEN = ["--set", "pH=10.4", "--set", "time_min=120", "--set", "atmosphere=N2"]
CAMPAIGN = """
name: discs
lab: lab.yaml
parameters:
  - {name: pH, bounds: [9.8, 11.0], step: 0.1}
  - {name: time_min, unit: min, bounds: [30, 720], step: 10}
  - {name: atmosphere, categories: [N2, O2], value: N2}
targets:
  - {descriptor: d50_um, value: 7 µm}
imaging:
  views:
    - {magnification: 3000, descriptors: [d50_um, sphericity_mean]}
budget: {experiments: 3}
optimiser: {particles: 6, iterations: 3, images: 1, candidates: 2}
"""


class Discs:
    """Discs whose diameter falls with pH, from 9 to 5 µm."""

    version = "discs-1"
    schema = SCHEMA
    record = GeneratorRecord(
        version="discs-1",
        created="2026-01-01T00:00:00+00:00",
        inputs=SCHEMA,
        tile_size=96,
        latent_mean=(0.0,),
        latent_std=(1.0,),
        timesteps=(999,),
        trained_on=({"pH": 10.0},),
    )

    def pixel_size_um(self, magnification):
        return SCHEMA.magnification(magnification).pixel_size_um

    def manifold_distance(self, conditions):
        return abs(conditions["pH"] - 10.4) / 0.5

    def calibrated(self, descriptor, values, conditions):
        return self.record.calibration.apply(descriptor, values)

    def sample(self, conditions, *, magnification, n, seed):
        return self.sample_many([conditions], magnification=magnification, n=n, seed=seed)[0]

    def sample_many(self, conditions, *, magnification, n, seed):
        row, column = np.mgrid[:96, :96]
        images = np.empty((len(conditions), n, 96, 96), np.float32)
        for i, c in enumerate(conditions):
            random = np.random.default_rng(seed)
            images[i] = 0.15 + 0.02 * random.normal(size=(n, 96, 96))
            radius = (9 - (c["pH"] - 9.8) / 0.3) / 2 / 0.25
            for y, x in ((24, 24), (24, 72), (72, 24), (72, 72)):
                images[i][:, (row - y) ** 2 + (column - x) ** 2 < radius**2] = 0.7
        return images


@pytest.fixture(autouse=True)
def discs(monkeypatch):
    monkeypatch.setattr("models.generator.load", lambda version=None: Discs())


@pytest.fixture
def campaign(tmp_path):
    from pathlib import Path

    import campaigns

    library = Path(campaigns.__file__).parent / "library"
    (tmp_path / "lab.yaml").write_text((library / "labs" / "simulated-lmr.yaml").read_text())
    file = tmp_path / "discs.yaml"
    file.write_text(CAMPAIGN)
    return file


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main.run([str(argument) for argument in arguments])
    return end.value.code


def test_generate_writes_images_that_know_what_they_are(tmp_path, capsys):
    assert run("generate", *GIVEN, "-n", 3, "--seed", 5, "--out", tmp_path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == "discs-1"
    assert found["in_manifold"] is True
    assert found["conditions"] == {"pH": 10.4, "time_min": 120, "atmosphere": "N2", "stirring_rpm": 1000}
    assert len(found["images"]) == 3
    with tifffile.TiffFile(found["images"][1]["path"]) as file:
        page = file.pages[0]
        numerator, denominator = page.tags["XResolution"].value
        provenance = json.loads(page.description)
        pixels = page.asarray()
    assert 10_000 / (numerator / denominator) == pytest.approx(0.25, rel=1e-3)
    assert pixels.shape == (96, 96)
    assert pixels.max() > 150
    assert provenance["conditions"] == found["conditions"]
    assert provenance["seed"] == 5
    assert "not measured" in provenance["kind"]
    with Image.open(found["contact_sheets"][0]) as sheet:
        assert sheet.width > 3 * 96
    assert not list(tmp_path.rglob(".writing-*"))


def test_generate_as_png(tmp_path, capsys):
    assert run("generate", *GIVEN, "-n", 1, "--format", "png", "--out", tmp_path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    with Image.open(found["images"][0]["path"]) as image:
        assert json.loads(image.text["morpholoop"])["model"] == "discs-1"
        assert 25_400 / image.info["dpi"][0] == pytest.approx(0.25, rel=1e-3)


def test_predict_prints_the_promised_object(capsys):
    assert run("predict", *GIVEN, "-n", 2, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["descriptors"]["d50_um"]["mean"] == pytest.approx(7.0, rel=0.08)
    assert set(found["descriptors"]["d50_um"]) == {"mean", "sd"}
    assert found["units"]["d50_um"] == "µm"
    assert found["in_manifold"] is True
    assert found["manifold_distance"] == 0
    assert found["images_generated"] == 2


def test_predict_says_when_it_extrapolates(capsys):
    assert run("predict", "--set", "pH=11.2", *GIVEN[2:], "-n", 1, "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["in_manifold"] is False
    assert "extrapolation" in captured.err


def test_invert_prints_the_promised_object(campaign, capsys):
    drawn = campaign.parent / "drawn"
    assert run("invert", campaign, "--out", drawn, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    best = found["best"]
    assert best["conditions"]["pH"] == pytest.approx(10.4, abs=0.21)
    assert best["conditions"]["atmosphere"] == "N2"
    assert best["predicted"]["d50_um"]["mean"] == pytest.approx(7.0, rel=0.1)
    assert best["in_manifold"] is True
    assert found["evaluations"] == 18
    assert found["images_generated"] == found["distinct_evaluations"]
    assert found["model"] == "discs-1"
    assert len(found["candidates"]) == 2
    assert found["converged_at"] >= 1
    assert found["seconds"] > 0
    assert len(list(drawn.glob("candidate-[12]/*.tif"))) == 2 * 4
    assert (drawn / "search.png").stat().st_size > 10_000
    header, *rows = (drawn / "evaluations.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("iteration,objective,")
    assert len(rows) == len({row.split(",", 2)[2] for row in rows}) <= 18
    assert "evaluated" not in found
    assert found["reachable"] is all(one["within"] for one in found["reach"])


def test_invert_for_other_targets_and_for_a_person(campaign, capsys):
    assert run("invert", campaign, "--target", "d50_um=8", "sphericity_mean>=0.8", "--iterations", 4) == 0
    captured = capsys.readouterr()
    assert "Best candidates" in captured.out
    assert "sphericity_mean" in captured.out
    assert "objective" in captured.out
    told = " ".join(captured.out.split())
    assert re.search(r"within 1 % of the best from iteration [1-3] of 4|still falling at iteration 4:", told)


def test_invert_says_when_a_target_is_out_of_reach(campaign, capsys):
    assert run("invert", campaign, "--target", "d50_um=90", "--iterations", 2) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Nothing that the model knows of reaches this target. The nearest: d50_um" in told


def test_invert_like_images(campaign, tmp_path, capsys):
    images = tmp_path / "wanted"
    assert run("generate", "--set", "pH=10.1", *GIVEN[2:], "-n", 2, "--out", images, "--json") == 0
    paths = [one["path"] for one in json.loads(capsys.readouterr().out)["images"]]
    assert run("invert", campaign, "--like", *paths, "--iterations", 5, "--json") == 0
    best = json.loads(capsys.readouterr().out)["best"]
    assert best["conditions"]["pH"] == pytest.approx(10.1, abs=0.21)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--set", "pH"], "expects name=value"),
        (["--set", "ph=10"], "knows no parameter 'ph'; it knows pH, time_min"),
        (["--set", "pH=ten"], "expected a number"),
        (["--set", "pH=nan"], "expected a number"),
        (["--set", "pH=10", "--set", "pH=11"], "given twice"),
        (["--set", "pH=10"], r"lack time_min \(30 to 720 min\), atmosphere \(N2 or O2\)"),
        ([*GIVEN[:4], "--set", "atmosphere=He"], "expected one of N2, O2"),
        (["--set", "pH=14", *GIVEN[2:]], "far outside"),
        ([*GIVEN, "--set", "stirring_rpm=300"], "only seen stirring_rpm"),
    ],
)
def test_unusable_conditions_are_one_sentence_and_status_2(arguments, fault, capsys):
    import re

    assert run("predict", *arguments, "--json") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(fault, captured.err)


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("d50", "expected descriptor=value"),
        ("size=8", "expected one of the known descriptors"),
        ("d50_um=8 K", "d50_um=8 K"),
        ("d50_um=9..7", "lower end before"),
        ("texture_mean=0.5", "texture_mean"),
    ],
)
def test_unusable_targets_are_one_sentence_and_status_2(target, fault, campaign, capsys):
    assert run("invert", campaign, "--target", target) == 2
    assert fault in capsys.readouterr().err


def test_a_campaign_without_generator_says_what_to_do(campaign, capsys):
    campaign.write_text(CAMPAIGN + "model: {generator: none}\n")
    assert run("invert", campaign) == 2
    assert "--model" in capsys.readouterr().err
