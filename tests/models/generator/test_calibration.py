import numpy as np
import pytest

from models.generator.calibration import Calibration, MonotoneMap, fit_map


def test_a_line_is_recovered_and_continued() -> None:
    x = np.linspace(1.0, 2.0, 12)
    fitted = fit_map(x, 3.0 * x - 1.0, "linear")
    assert fitted is not None
    assert fitted([0.0, 1.5, 4.0]) == pytest.approx([-1.0, 3.5, 11.0])


def test_a_power_law_is_a_line_on_the_log_scale() -> None:
    x = np.geomspace(1.0, 10.0, 12)
    fitted = fit_map(x, 2.0 * x**1.5, "log")
    assert fitted is not None
    assert fitted(5.0) == pytest.approx(2.0 * 5.0**1.5)


def test_a_bent_response_gets_knots_and_stays_monotone() -> None:
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(0.0, 1.0, 80))
    fitted = fit_map(x, np.minimum(x, 0.4) + rng.normal(0, 0.01, 80), "linear")
    assert fitted is not None
    assert len(fitted.x) > 2
    assert np.all(np.diff(fitted(np.linspace(-0.2, 1.2, 200))) >= -1e-12)
    assert fitted(0.8) == pytest.approx(0.4, abs=0.03)


def test_a_falling_response_becomes_flat_rather_than_inverted() -> None:
    x = np.linspace(0.0, 1.0, 10)
    fitted = fit_map(x, -x, "linear")
    assert fitted is not None
    assert fitted([0.0, 1.0]) == pytest.approx([-0.5, -0.5])


def test_too_few_conditions_give_no_map_and_unknown_descriptors_pass_through() -> None:
    assert fit_map([1.0, 2.0, np.nan], [1.0, 2.0, 3.0], "linear") is None
    assert Calibration().apply("d50_um", [3.0, np.nan]) == pytest.approx([3.0, np.nan], nan_ok=True)


def test_nan_stays_nan() -> None:
    assert np.isnan(MonotoneMap(scale="log", x=(0.0, 1.0), y=(0.0, 1.0))([np.nan, -1.0])).all()
