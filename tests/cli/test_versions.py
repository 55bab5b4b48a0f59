"""`morpholoop model …` on a tiny untrained generator: real networks, real registry."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cli import main
from models.generator import registry
from models.generator.dataset import read_dataset
from models.generator.export import save
from models.generator.finetuning import NewTiles, fine_tune
from models.generator.generator import Generator
from models.generator.record import DescriptorScore, Metrics
from tests.models.generator.stand_in import blobs, conditions, generator, write_dataset

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "shipped")
    save(generator(), tmp_path / "shipped" / "blobs-1")
    return tmp_path / "shipped" / "blobs-1"


def run(*arguments: object) -> int | str | None:
    with pytest.raises(SystemExit) as end:
        main.run([str(argument) for argument in arguments])
    return end.value.code


def told(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 0) -> dict:
    assert run(*arguments, "--json") == status
    return json.loads(capsys.readouterr().out)


def test_list_and_show(capsys):
    listed = told(capsys, "model", "list")
    assert listed["current"] == "blobs-1"
    assert [(one["version"], one["shipped"], one["current"]) for one in listed["models"]] == [
        ("blobs-1", True, True)
    ]
    shown = told(capsys, "model", "show")
    assert shown["version"] == "blobs-1"
    assert shown["simulated"] is True
    assert [parameter["name"] for parameter in shown["parameters"]] == ["feed", "hold_min", "gas", "pressure"]
    assert shown["conditions_trained_on"] == 6
    assert "trained_on" not in shown
    assert run("model", "list") == 0
    assert "blobs-1" in capsys.readouterr().out


def test_a_person_is_shown_a_card_and_whose_figures_it_has(shipped, tmp_path, capsys):
    score = DescriptorScore(
        r2=0.5, mae=0.1, relative=0.2, r2_uncalibrated=0.1, mae_uncalibrated=0.2, n_conditions=9
    )
    made = generator(1, "blobs-2")
    figures = Metrics(
        descriptors={"held_out": {"phase_fraction": score}},
        reconstruction_psnr={500: 30.0},
        reconstruction_ssim={500: 0.9},
    )
    first = Generator(made.networks, made.record.model_copy(update={"metrics": figures}))
    tiles = np.stack([blobs(1.0, np.random.default_rng(k)) for k in range(4)]).astype(np.float32) / 255.0
    second = fine_tune(first, [NewTiles(conditions(), 500, tiles)], steps=1)
    for one in (first, second):
        save(one, tmp_path / one.version)
        assert run("model", "import", tmp_path / one.version) == 0
    capsys.readouterr()
    assert run("model", "show", "blobs-2") == 0
    card = capsys.readouterr().out
    assert "blobs-2, not trained on: held_out" in card
    assert "hold_min (min) │ 10 to 100" in card
    assert "30.0 dB" in card
    assert len(card.splitlines()) < 60
    assert run("model", "show", second.version) == 0
    card = capsys.readouterr().out
    assert "blobs-2, not trained on: held_out" in card
    assert f"`morpholoop model evaluate {second.version}` gives its own figures" in card
    listed = {one["version"]: one["r2_of"] for one in told(capsys, "model", "list")["models"]}
    assert listed == {"blobs-1": "blobs-1", "blobs-2": "blobs-2", second.version: "blobs-2"}


def test_export_import_promote_and_roll_back(tmp_path, capsys):
    save(generator(1, "blobs-2"), tmp_path / "made" / "blobs-2")
    assert told(capsys, "model", "import", tmp_path / "made" / "blobs-2")["version"] == "blobs-2"
    assert registry.current() == "blobs-1"
    out = tmp_path / "usb" / "blobs"
    assert told(capsys, "model", "export", "blobs-2", "--out", out)["version"] == "blobs-2"
    assert (out / "manifest.json").read_bytes() == (tmp_path / "made/blobs-2/manifest.json").read_bytes()
    assert told(capsys, "model", "promote", "blobs-2") == {"current": "blobs-2", "before": "blobs-1"}
    assert registry.current() == "blobs-2"
    assert told(capsys, "model", "rollback") == {"current": "blobs-1", "before": "blobs-2"}


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["show", "nope"], "known: blobs-1"),
        (["promote", "nope"], "known: blobs-1"),
        (["rollback"], "no earlier version"),
        (["import", "nowhere"], "There is no folder nowhere"),
        (["export", "blobs-1", "--out", "."], "exists already"),
        (["train", "nowhere", "--out", "run", "--until", "lunch"], "expected one of vae"),
        (["train", "nowhere", "--out", "run", "--steps", "lunch=3"], "--steps lunch=3: expected STAGE=N"),
        (["train", "nowhere", "--out", "run", "--steps", "vae=1.5"], "--steps vae=1.5: expected STAGE=N"),
        (["train", "nowhere", "--out", "run", "--steps", "joint=0"], "1 steps or more"),
        (["fine-tune", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_unusable_requests_are_one_sentence_and_status_2(arguments, fault, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("model", *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert fault in captured.err
    assert captured.err.count("\n") == 1


def test_a_damaged_version_is_not_imported(tmp_path, capsys):
    folder = tmp_path / "made" / "blobs-2"
    save(generator(1, "blobs-2"), folder)
    (folder / "unet" / "config.json").write_text("{}")
    assert run("model", "import", folder) == 2
    assert "damaged" in capsys.readouterr().err
    assert [version.name for version in registry.versions()] == ["blobs-1"]


def test_evaluate_draws_what_it_found(tmp_path, capsys):
    told(capsys, "model", "evaluate", "-n", 1, "--out", tmp_path, "--plane", "hold_min,feed")
    for name in ("parity.png", "plane.png"):
        assert (tmp_path / name).stat().st_size > 5_000
    assert run("model", "evaluate", "--out", tmp_path, "--plane", "feed,gas") == 2
    assert "--plane feed,gas: expected two different ones of" in capsys.readouterr().err


def test_evaluate_gives_errors_per_descriptor_and_image_quality(capsys):
    found = told(capsys, "model", "evaluate", "-n", 2)
    assert found["version"] == "blobs-1"
    (scores,) = found["descriptors"].values()
    assert scores["phase_fraction"]["n_conditions"] == 3
    assert {"r2", "mae", "relative"} <= set(scores["phase_fraction"])
    assert scores["phase_fraction"]["r2_low"] <= scores["phase_fraction"]["r2_high"] <= 1
    assert set(found["psnr"]) == set(found["ssim"]) == {"reconstruction", "denoising"}


def test_fine_tune_from_labelled_micrographs_and_its_gate(tmp_path, capsys):
    rng = np.random.default_rng(0)
    lines = ["image,magnification,feed,hold_min,gas,pixel_size_um,split"]
    for i, feed in enumerate((0.2, 1.8, 1.0)):
        tifffile.imwrite(tmp_path / f"{i}.tif", np.kron(blobs(feed, rng), np.ones((2, 2), np.uint8)))
        lines.append(f"{i}.tif,500,{feed},30,Ar,0.25,{'judge' if i == 2 else ''}")
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(lines) + "\n")
    status = run("model", "fine-tune", table, "--steps", 2, "--promote", "--json")
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["parent"] == "blobs-1"
    assert found["tiles"] == 2
    assert found["gate"]["n_conditions"] == 4
    # What the gate says decides alone, for the registry and for the exit status.
    assert found["promoted"] is found["gate"]["promote"]
    assert status == (0 if found["promoted"] else 1)
    assert (registry.current() == found["version"]) is found["promoted"]
    assert found["version"] in [version.name for version in registry.versions()]


@pytest.mark.slow
def test_evaluate_on_what_a_data_set_holds_out(tmp_path, capsys):
    data = write_dataset(tmp_path / "data")
    scores = told(capsys, "model", "evaluate", "--data", data, "-n", 1)["descriptors"]
    held_out = read_dataset(data).held_out_splits
    assert set(scores) == set(held_out)
    assert run("model", "evaluate", "--data", "nothing") == 2
    assert "There is no data set 'nothing'" in capsys.readouterr().err


def test_fine_tune_from_a_folder_of_tiles(tmp_path, capsys):
    data = write_dataset(tmp_path / "data")
    run("model", "fine-tune", data, "--steps", 1, "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["tiles"] == 9 * 3
    assert found["gate"]["n_conditions"] == 3 + 3
    assert found["promoted"] is False
