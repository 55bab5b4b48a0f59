from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devices.labfile import load_lab
from devices.laboratory import Laboratory

SHIPPED = Path(__file__).parents[3] / "campaigns" / "library" / "labs" / "manual-lmr.yaml"

OpenLab = Callable[..., Laboratory]


@pytest.fixture
def write_manual_lab(tmp_path: Path) -> Callable[..., Path]:
    """Writes the shipped manual lab with a quick watched folder; ``change`` may edit its content."""

    def write(change: Callable[[dict[str, Any]], None] | None = None) -> Path:
        content = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
        (tmp_path / "sem").mkdir(exist_ok=True)
        content["microscope"]["options"].update(folder=str(tmp_path / "sem"), settle_s=0.1, timeout_min=0.2)
        if change is not None:
            change(content)
        path = tmp_path / "manual.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def open_manual_lab(write_manual_lab: Callable[..., Path], tmp_path: Path) -> Iterator[OpenLab]:
    """Opens such a lab in ``tmp_path/state``, and closes it after the test."""
    opened: list[Laboratory] = []

    def open_(change: Callable[[dict[str, Any]], None] | None = None) -> Laboratory:
        opened.append(load_lab(write_manual_lab(change), state_dir=tmp_path / "state", seed=0))
        return opened[-1]

    yield open_
    for lab in opened:
        lab.close()
