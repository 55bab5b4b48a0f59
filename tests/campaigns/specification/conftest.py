import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import campaigns
from campaigns.specification import Campaign, CampaignFileError, load

SIMPLE = """\
name: simple
lab: lab.yaml
parameters:
  - {name: pH, bounds: [9, 11], step: 0.5}
  - {name: time, unit: min, bounds: [30, 600]}
targets:
  - {descriptor: d50_um, value: 8}
imaging:
  views: [{magnification: 3000, descriptors: [d50_um]}]
budget: {experiments: 3}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a campaign file: the simple one with texts replaced, beside a simulated lab."""
    (tmp_path / "lab.yaml").write_text("simulated: true\n")

    def _write(*changes: tuple[str, str], extra: str = "") -> Path:
        text = SIMPLE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "campaign.yaml"
        path.write_text(text + extra, encoding="utf-8")
        return path

    return _write


@pytest.fixture
def simple(write: Write) -> Campaign:
    return load(write())


@pytest.fixture
def faults(write: Write) -> Callable[..., dict[str, str]]:
    """The faults of a changed simple campaign: what follows `expected`, by path."""

    def _faults(*changes: tuple[str, str], extra: str = "") -> dict[str, str]:
        with pytest.raises(CampaignFileError) as caught:
            load(write(*changes, extra=extra))
        return {fault.path: f"{fault.expected}, got {fault.got}" for fault in caught.value.faults}

    return _faults


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A copy of the shipped campaigns."""
    folder = tmp_path / "library"
    shutil.copytree(Path(campaigns.__file__).parent / "library", folder)
    return folder
