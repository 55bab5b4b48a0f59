"""Measured descriptors against the truth of simulated micrographs."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from models.morphology import measure_of
from sim.lmr import LMRPlant

CONDITIONS = {"atmosphere": "N2", "time_min": 480.0}


def powder(**conditions):
    return LMRPlant(0, hidden=False), {**CONDITIONS, **conditions}


@pytest.mark.slow
def test_diameter_and_sphericity_follow_the_truth():
    measure, bias, roundness, truth = measure_of("particles"), [], [], []
    for ph, naoh, nh4oh in ((10.0, 0.1, 0.15), (10.4, 0.14, 0.16), (10.4, 0.25, 0.2), (10.9, 0.2, 0.1)):
        plant, conditions = powder(pH=ph, naoh_factor=naoh, nh4oh_factor=nh4oh)
        sample = plant.synthesise(conditions, batch=0)
        renders = [plant.render(sample, magnification=3000, field=i) for i in range(4)]
        pooled = measure.pool([measure.measure(r.pixels / np.float32(255), r.pixel_size_um) for r in renders])
        bias.append(np.log(pooled["d50_um"] / sample.state.diameter_um))
        roundness.append(pooled["sphericity_mean"])
        truth.append(np.mean([r.truth["sphericity_mean"] for r in renders]))
    assert abs(np.mean(bias)) < 0.04
    np.testing.assert_allclose(roundness, truth, atol=0.02)


@pytest.mark.slow
def test_texture_ranks_the_primaries_and_spans_the_published_range():
    measure, widths, values = measure_of("texture"), [], []
    for ph, naoh, nh4oh in (
        (10.0, 0.25, 0.09),
        (10.2, 0.2, 0.12),
        (10.4, 0.16, 0.16),
        (10.6, 0.12, 0.2),
        (11.0, 0.08, 0.29),
    ):
        plant, conditions = powder(pH=ph, naoh_factor=naoh, nh4oh_factor=nh4oh)
        sample = plant.synthesise(conditions, batch=0)
        renders = [plant.render(sample, magnification=15000, field=i) for i in range(2)]
        pooled = measure.pool([measure.measure(r.pixels / np.float32(255), r.pixel_size_um) for r in renders])
        widths.append(sample.state.primary_width_um)
        values.append(pooled["texture_mean"])
    assert spearmanr(widths, values).statistic == pytest.approx(-1.0)
    assert values[0] >= 0.7
    assert values[-1] < 0.3
