"""Every message on the page of troubleshooting is what its command really says."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from cli.main import run
from docs.site.commands import called
from tests.docs.reading import ROOT, Block, blocks

pytestmark = pytest.mark.slow

LIBRARY = ROOT / "campaigns" / "library"
AT_HOME = "/home/ann/lab"
"""How the page calls the folder that everything happens in."""
MESSAGES = [block for block in blocks("console") if block.page == "docs/troubleshooting.md"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the page speaks of, each with its fault."""
    place = tmp_path / "lab"
    (place / "empty").mkdir(parents=True)
    noise = np.random.default_rng(0).normal(120, 30, (256, 256)).clip(0, 255).astype(np.uint8)
    Image.fromarray(noise).save(place / "scan.png")
    Image.fromarray(np.full((256, 256), 90, np.uint8)).save(place / "black.png")
    (place / "notes.docx").write_text("pH 10.5")
    (place / "torn.tif").write_bytes(b"II*\x00\x08\x00")
    row = "lost.tif,3000,10.4,0.1,0.1,60,N2"
    table = f"image,magnification,pH,naoh_factor,nh4oh_factor,time_min,atmosphere\n{row}\n"
    (place / "table.csv").write_text(table)
    (place / "campaigns").symlink_to(ROOT / "campaigns")
    campaign = yaml.safe_load((LIBRARY / "membrane.yaml").read_text(encoding="utf-8"))
    campaign["lab"] = str(LIBRARY / "labs" / "simulated-membrane.yaml")
    campaign["parameters"][2]["bounds"] = [5, 95]
    (place / "hot.yaml").write_text(yaml.safe_dump(campaign, allow_unicode=True), encoding="utf-8")
    campaign["parameters"][0]["bounds"] = [25, 10]
    campaign["parameters"][3]["bounds"] = [0, "2 kg"]
    campaign["targets"][0]["descriptor"] = "phase_fractoin"
    (place / "faulty.yaml").write_text(yaml.safe_dump(campaign, allow_unicode=True), encoding="utf-8")
    real = yaml.safe_load((LIBRARY / "lmr-precursor.yaml").read_text(encoding="utf-8"))
    real["lab"] = str(LIBRARY / "labs" / "manual-lmr.yaml")
    (place / "real.yaml").write_text(yaml.safe_dump(real, allow_unicode=True), encoding="utf-8")
    real["approval"]["policy"] = "always"
    (place / "approved.yaml").write_text(yaml.safe_dump(real, allow_unicode=True), encoding="utf-8")
    lab = yaml.safe_load((LIBRARY / "labs" / "manual-lmr.yaml").read_text(encoding="utf-8"))
    lab["reactor"]["class"] = "our_lab:Reactor"
    (place / "lab.yaml").write_text(yaml.safe_dump(lab, allow_unicode=True), encoding="utf-8")
    monkeypatch.chdir(place)
    monkeypatch.setenv("MORPHOLOOP_HOME", str(place / ".morpholoop"))
    return place


def said(line: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a command of the page says on standard error, with the folder as the page calls it."""
    assigned, _, _ = line.partition("morpholoop")
    for one in assigned.split():
        monkeypatch.setenv(*one.split("=", 1))
    with pytest.raises(SystemExit) as end:
        run(called(line)[0])
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.strip().replace(str(folder), AT_HOME).replace(os.fspath(ROOT), AT_HOME)


@pytest.mark.parametrize("block", MESSAGES, ids=lambda block: block.commands[0])
def test_the_message_is_what_is_said(block: Block, folder, capsys, monkeypatch):
    printed = block.text.partition("\n")[2].strip()
    assert said(block.commands[0], folder, capsys, monkeypatch) == printed


def test_there_are_messages():
    assert len(MESSAGES) >= 15


def sentences() -> Iterator[str]:
    """Every string of the code, with … where something is filled in."""
    for package in ("campaigns", "cli", "dashboard", "devices", "flows", "models"):
        for module in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
                elif isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                    yield "".join(str(part) for part in parts)


def test_what_is_quoted_is_in_the_code():
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^> (.*)$", page, re.MULTILINE)
    assert len(quoted) >= 10
    assert sorted(set(quoted) - set(sentences())) == []
