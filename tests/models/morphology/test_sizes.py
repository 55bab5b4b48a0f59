import numpy as np
import pytest

from models.morphology.sizes import weighted_huber, weighted_mean_sd


def test_of_normal_values_mean_and_sd_are_the_plain_ones():
    values = np.random.default_rng(3).normal(0.93, 0.02, 5000)
    weights = np.random.default_rng(4).uniform(1.0, 1.5, 5000)
    assert weighted_huber(values, weights) == pytest.approx(weighted_mean_sd(values, weights), rel=0.01)


def test_a_few_values_that_do_not_belong_hardly_count():
    values = np.random.default_rng(5).normal(0.93, 0.02, 60)
    clean = weighted_huber(values, np.ones(60))
    values[:2] = 0.6
    mean, sd = weighted_huber(values, np.ones(60))
    assert mean == pytest.approx(clean[0], abs=0.004)
    assert sd == pytest.approx(clean[1], rel=0.2)
    assert weighted_mean_sd(values, np.ones(60))[1] > 3 * clean[1]


@pytest.mark.parametrize("values", [[], [0.9], [0.9, 0.92, 0.91], [0.9] * 6, [0.9] * 9 + [0.5]])
def test_few_or_equal_values(values):
    mean, sd = weighted_huber(values, np.ones(len(values)))
    plain = weighted_mean_sd(values, np.ones(len(values)))
    assert np.isnan(mean) == np.isnan(plain[0])
    assert np.isnan(sd) or 0.0 <= sd <= plain[1] + 1e-12
