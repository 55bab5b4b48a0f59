"""Files and code that pages show are ones that would be taken."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.reading import ROOT, Block, blocks

LIBRARY = ROOT / "campaigns" / "library"
CAMPAIGN = ("failures", "imaging", "approval", "learning", "targets")
LAB = ("interlocks", "stations", "documents")


def written(folder: Path, content: Any) -> Path:
    file = folder / "file.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


def check_campaign(content: dict[str, Any], folder: Path) -> None:
    from campaigns.specification import load

    whole = yaml.safe_load((LIBRARY / "lmr-precursor.yaml").read_text(encoding="utf-8"))
    lab = LIBRARY / "labs" / "simulated-lmr.yaml"
    if "imaging" in content and "targets" not in content:
        # The targets have to be among what the shown views measure.
        shown = [name for view in content["imaging"]["views"] for name in view["descriptors"]]
        content = {
            **content,
            "targets": [{"descriptor": name, "at_least": 0.1} for name in shown],
            "optimiser": {},
        }
    load(written(folder, {**whole, "lab": str(lab), **content}))


def check_lab(content: dict[str, Any], folder: Path) -> None:
    from devices.labfile import read_lab_file

    whole = yaml.safe_load((LIBRARY / "labs" / "simulated-lmr.yaml").read_text(encoding="utf-8"))
    whole["reactor"]["interlocks"] = content.pop("interlocks", {})
    read_lab_file(written(folder, {**whole, **content}))


def check_faults(content: dict[str, Any], folder: Path) -> None:
    from devices.labfile import check_faults

    check_faults(LIBRARY / "labs" / "simulated-lmr.yaml", written(folder, content))


@pytest.mark.parametrize("block", list(blocks("yaml")), ids=str)
def test_a_file_that_is_shown_is_taken(block: Block, tmp_path: Path):
    content = yaml.safe_load(block.text)
    if "parameters" in content:
        content["lab"] = str(ROOT / content["lab"])
        from campaigns.specification import load

        load(written(tmp_path, content))
    elif "faults" in content:
        check_faults(content, tmp_path)
    elif set(content) <= set(LAB):
        check_lab(content, tmp_path)
    else:
        assert set(content) <= set(CAMPAIGN), f"{block} shows nothing that is known"
        check_campaign(content, tmp_path)


@pytest.mark.parametrize("block", list(blocks("python")), ids=str)
def test_code_that_is_shown_compiles(block: Block):
    compile(block.text, str(block), "exec")


def test_the_station_of_the_tutorial_is_one(tmp_path, monkeypatch):
    """The class that the tutorial shows is taken by a lab, and does each key once."""
    from devices.labfile import load_lab

    shown = {
        block.language: block.text for block in blocks("python", "yaml") if "5-your-device" in block.page
    }
    (tmp_path / "our_lab.py").write_text(shown["python"], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    whole = yaml.safe_load((LIBRARY / "labs" / "simulated-membrane.yaml").read_text(encoding="utf-8"))
    file = written(tmp_path, {**whole, **yaml.safe_load(shown["yaml"])})
    with load_lab(file, state_dir=tmp_path / "state", seed=0) as lab:
        (balance,) = lab.stations
        balance.set("batch-1").wait(timeout=5)
        assert balance.done("batch-1")
        assert balance.result("batch-1") == {"mass_g": 38.5}
        assert balance.result("batch-2") is None
    # Other pages show what is said where there is no such module.
    del sys.modules["our_lab"]
