from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devices.labfile import load_lab
from devices.laboratory import Laboratory

SHIPPED = Path(__file__).parents[2] / "campaigns" / "library" / "labs"

OpenLab = Callable[..., Laboratory]
WriteLab = Callable[..., Path]


@pytest.fixture
def write_lab(tmp_path: Path) -> WriteLab:
    """Writes the shipped lab with a quick microscope; ``change`` may edit its content."""

    def write(change: Callable[[dict[str, Any]], None] | None = None, name: str = "lab.yaml") -> Path:
        content = yaml.safe_load((SHIPPED / "simulated-lmr.yaml").read_text(encoding="utf-8"))
        content["microscope"]["options"]["scan"] = [160, 120]
        if change is not None:
            change(content)
        path = tmp_path / name
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def open_lab(write_lab: WriteLab, tmp_path: Path) -> Iterator[OpenLab]:
    """Opens such a lab in ``tmp_path/state`` (or another state directory), and closes it after the test."""
    opened: list[Laboratory] = []

    def open_(
        change: Callable[[dict[str, Any]], None] | None = None, *, state: str = "state", seed: int = 0
    ) -> Laboratory:
        opened.append(load_lab(write_lab(change), state_dir=tmp_path / state, seed=seed))
        return opened[-1]

    yield open_
    for lab in opened:
        lab.close()


@pytest.fixture
def conditions() -> dict[str, float | str]:
    return {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2, "time_min": 480.0, "atmosphere": "N2"}
