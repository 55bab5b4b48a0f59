"""A small campaign without a generator, and the environment of a worker process."""

import os
from pathlib import Path

import pytest
import yaml

LIBRARY = Path(__file__).parents[2] / "campaigns" / "library"


@pytest.fixture
def small_campaign(tmp_path: Path) -> Path:
    """A membrane campaign of few and wide demands: two fields at least, four at most, six experiments."""
    campaign = yaml.safe_load((LIBRARY / "membrane.yaml").read_text(encoding="utf-8"))
    campaign["name"] = "small"
    campaign["lab"] = str(LIBRARY / "labs" / "simulated-membrane.yaml")
    campaign["targets"] = [
        {"descriptor": "phase_fraction", "value": 0.6, "tolerance": "10 %"},
        {"descriptor": "correlation_length_um", "range": [0.2, 0.7], "tolerance": "5 %"},
    ]
    campaign["imaging"]["views"][0]["fields"] = {"min": 2, "max": 4}
    campaign["budget"] = {"experiments": 6}
    campaign["optimiser"] = {"particles": 10, "iterations": 8}
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(campaign, allow_unicode=True), encoding="utf-8")
    return file


@pytest.fixture
def environment(prefect_api: str, home: Path) -> dict[str, str]:
    """The environment of a worker process: this test's state directory, the session's server."""
    return {**os.environ, "MORPHOLOOP_HOME": str(home), "PREFECT_API_URL": prefect_api}
