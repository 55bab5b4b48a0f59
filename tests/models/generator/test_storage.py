import json
from pathlib import Path

import numpy as np
import pytest

from models.errors import UnusableInput
from models.generator import load
from models.generator.export import save
from models.generator.manifest import MANIFEST, RECORD, verify
from tests.models.generator.stand_in import conditions, generator

pytestmark = pytest.mark.slow  # it brings in the networks


def test_a_saved_version_draws_the_same_images(tmp_path: Path) -> None:
    made = generator()
    save(made, tmp_path / "v")
    loaded = load(tmp_path / "v")
    assert loaded.version == "blobs-1"
    ours, theirs = (g.sample(conditions(), magnification=500, n=2, seed=1) for g in (made, loaded))
    assert np.allclose(ours, theirs, atol=0.05)  # fp16 on disk, perhaps bf16 at work
    again = load(tmp_path / "v").sample(conditions(), magnification=500, n=2, seed=1)
    assert np.array_equal(theirs, again)


def test_the_folder_is_what_diffusers_reads_and_holds_no_path_or_pickle(tmp_path: Path) -> None:
    from diffusers import ControlNetModel

    save(generator(), tmp_path / "v")
    assert (
        ControlNetModel.from_pretrained(
            tmp_path / "v" / "controlnet", use_safetensors=True
        ).config.in_channels
        == 4
    )
    files = [p for p in (tmp_path / "v").rglob("*") if p.is_file()]
    assert {p.suffix for p in files} == {".json", ".safetensors"}
    assert not any(str(tmp_path) in p.read_text() for p in files if p.suffix == ".json")


def test_a_version_is_never_overwritten(tmp_path: Path) -> None:
    save(generator(), tmp_path / "v")
    with pytest.raises(FileExistsError):
        save(generator(), tmp_path / "v")
    assert [p.name for p in tmp_path.iterdir()] == ["v"]


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda v: (v / "unet" / "config.json").write_text("{}"), "damaged"),
        (lambda v: (v / "vae" / "config.json").unlink(), "incomplete"),
        (lambda v: (v / "weights.pkl").write_bytes(b"x"), "not part of the version"),
        (lambda v: (v / MANIFEST).unlink(), "no readable manifest.json"),
        (lambda v: (v / RECORD).write_text("{"), "damaged"),
        (lambda v: (v / RECORD).unlink(), "no generator"),
        (
            lambda v: (v / RECORD).write_text(
                json.dumps({**json.loads((v / RECORD).read_text()), "format": 9})
            ),
            "format 9",
        ),
    ],
)
def test_damage_is_refused_with_its_reason(tmp_path: Path, harm, told: str) -> None:  # type: ignore[no-untyped-def]
    save(generator(), tmp_path / "v")
    harm(tmp_path / "v")
    with pytest.raises(UnusableInput, match=told):
        load(tmp_path / "v")


def test_verify_accepts_what_was_saved(tmp_path: Path) -> None:
    save(generator(), tmp_path / "v")
    verify(tmp_path / "v")
