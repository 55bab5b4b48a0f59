"""The version that ships with the package."""

import numpy as np
import pytest

from models.generator import load, registry
from models.generator.manifest import read_record, verify


def test_it_is_current_whole_and_small() -> None:
    folder = registry.locate()
    assert registry.current() == folder.name == "lmr-6"
    verify(folder)
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) < 20e6


def test_its_figures_are_kept_with_it() -> None:
    metrics = read_record(registry.locate()).metrics
    assert metrics.reconstruction_slope["texture_mean"] >= 0.8
    assert metrics.reconstruction_correlation["texture_mean"] >= 0.97
    for split in ("held_out", "pH_10.5"):
        assert metrics.descriptors[split]["d50_um"].r2 > 0.85
        assert metrics.descriptors[split]["texture_mean"].r2 > 0.85


@pytest.mark.slow
def test_it_follows_the_conditions() -> None:
    from models.generator.describe import describe

    generator = load("lmr-6")
    base = {"pH": 10.5, "naoh_factor": 0.15, "atmosphere": "N2"}
    early = {**base, "nh4oh_factor": 0.27, "time_min": 40.0}
    late = {**base, "nh4oh_factor": 0.10, "time_min": 600.0}
    images = generator.sample_many([early, late], magnification=3000, n=4, seed=0)
    small, large = (describe(i, generator.pixel_size_um(3000), ["d50_um"])["d50_um"] for i in images)
    assert large > 1.3 * small
    assert np.array_equal(images[0], generator.sample_many([early, late], magnification=3000, n=4, seed=0)[0])
