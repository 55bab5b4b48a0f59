import numpy as np
import pytest

from models.generator.calibrating import fit_field, fit_map
from models.generator.calibration import Calibration, MonotoneMap


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


def cube(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.0, 1.0, (n, 3))


def blind_spot(points: np.ndarray) -> np.ndarray:
    return 0.2 * points[:, 0] - 0.1 * points[:, 1] ** 2


def test_a_field_fills_in_what_the_map_cannot_know() -> None:
    rng = np.random.default_rng(1)
    points, elsewhere = cube(96, 2), cube(50, 3)
    timid = np.exp(2.0 + 0.05 * rng.normal(size=96))
    field = fit_field(points, timid, timid * np.exp(blind_spot(points)), "log")
    assert field is not None
    assert field(elsewhere) == pytest.approx(blind_spot(elsewhere), abs=0.02)
    calibration = Calibration(fields={"d50_um": field})
    values = np.full(50, 8.0)
    assert calibration.apply("d50_um", values) == pytest.approx(values)
    corrected = calibration.apply("d50_um", values, elsewhere)
    assert corrected == pytest.approx(8.0 * np.exp(blind_spot(elsewhere)), rel=0.02)
    assert calibration.apply("d50_um", 8.0, elsewhere[0]) == pytest.approx(corrected[0])
    assert np.isnan(calibration.apply("d50_um", np.nan, elsewhere[0]))
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration


def test_there_is_no_field_in_noise_nor_in_a_few_conditions() -> None:
    rng = np.random.default_rng(4)
    points = cube(96, 5)
    noise = rng.normal(0, 0.1, 96)
    assert fit_field(points, np.zeros(96), noise, "linear") is None
    assert fit_field(points[:20], np.zeros(20), blind_spot(points[:20]), "linear") is None
