"""A descriptor from a package of one's own, from its installation to a campaign's measurement."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml

from campaigns.specification import load
from flows.measuring import intervals, measure_field
from models.morphology import all_measures, known_descriptors

LIBRARY = Path(__file__).parents[3] / "campaigns" / "library"
MODULE = """
import numpy as np
from models.morphology import Descriptor, FieldMeasurement


class Brightness:
    kind = "brightness"
    descriptors = {"mean_grey": Descriptor("mean_grey", "", "mean grey level")}

    def measure(self, pixels, pixel_size_um):
        return FieldMeasurement(self.kind, {"grey": np.array([float(pixels.mean())])})

    def pool(self, fields):
        return {"mean_grey": float(np.mean([field.samples["grey"] for field in fields]))}
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package as pip leaves it: a module, and a dist-info with its entry point."""
    site = tmp_path / "site-packages"
    info = site / "brightness-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "brightness_plugin.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brightness\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[morpholoop.descriptors]\nmine = brightness_plugin:Brightness\n")
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    all_measures.cache_clear()
    yield
    all_measures.cache_clear()
    sys.modules.pop("brightness_plugin", None)


def campaign_file(folder: Path, descriptors: list[str]) -> Path:
    content = yaml.safe_load((LIBRARY / "membrane.yaml").read_text(encoding="utf-8"))
    content["lab"] = str(LIBRARY / "labs" / "simulated-membrane.yaml")
    content["targets"] = [{"descriptor": descriptors[0], "value": 0.4, "tolerance": "5 %"}]
    content["imaging"]["views"][0]["descriptors"] = descriptors
    path = folder / "campaign.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def measured(folder: Path, descriptors: list[str], pictures: list[np.ndarray]) -> dict[str, float]:
    campaign = load(campaign_file(folder, descriptors))
    view = campaign.imaging.views[0]
    fields = []
    for number, picture in enumerate(pictures):
        path = folder / f"{number}.tif"
        tifffile.imwrite(path, picture, resolution=(100_000, 100_000), resolutionunit="CENTIMETER")
        fields.append(measure_field(path, view)[1])
    return {name: one.value for name, one in intervals(view, fields, 0.95, 0.05).items()}


@pytest.mark.usefixtures("installed")
def test_a_campaign_measures_with_an_installed_plug_in(tmp_path):
    assert known_descriptors()["mean_grey"].meaning == "mean grey level"
    rng = np.random.default_rng(0)
    pictures = [rng.integers(92, 112, (64, 64)).astype(np.uint8) for _ in range(3)]
    found = measured(tmp_path, ["mean_grey"], pictures)
    assert found == {"mean_grey": pytest.approx(101.5 / 255, abs=0.005)}


def test_a_campaign_measures_pores_and_grains_without_any_plug_in(tmp_path):
    y, x = np.mgrid[:200, :200]
    pores = (np.hypot(x % 40 - 20, y % 40 - 20) > 12) * np.uint8(150) + np.uint8(40)
    rng = np.random.default_rng(0)
    pictures = [(pores + rng.integers(0, 20, pores.shape)).astype(np.uint8) for _ in range(2)]
    wanted = ["pore_fraction", "phase_fraction", "correlation_length_um", "grain_intercept_um"]
    found = measured(tmp_path, wanted, pictures)
    assert found["pore_fraction"] == pytest.approx(np.pi * 12**2 / 40**2, abs=0.01)
    assert found["phase_fraction"] + found["pore_fraction"] == pytest.approx(1.0)
    assert found["grain_intercept_um"] > 0
