"""Figures on held-out conditions, from values alone."""

import numpy as np
import pytest

from models.generator.calibration import Calibration, MonotoneMap
from models.generator.evaluation import score
from models.generator.generator import Generator
from models.generator.record import GeneratorRecord, Metrics, ReferencePoint
from tests.models.generator.stand_in import conditions, networks, record

pytestmark = pytest.mark.slow  # it brings in the networks

HOLDS = (10.0, 30.0, 50.0, 70.0, 90.0)


def scored(generated: list[float], measured: list[float]) -> GeneratorRecord:
    """A record with the scores of a descriptor on a logarithmic scale, as it is read back from its file."""
    doubling = MonotoneMap(scale="log", x=(0.0, 1.0), y=(np.log(2.0), 1.0 + np.log(2.0)))
    made = record().model_copy(update={"calibration": Calibration(maps={"phase_fraction": doubling})})
    points = [
        ReferencePoint(conditions=conditions(1.0, hold), descriptors={"phase_fraction": value})
        for hold, value in zip(HOLDS, measured, strict=True)
    ]
    found = score(Generator(networks(), made), {"phase_fraction": np.array(generated)}, points)
    kept = made.model_copy(update={"metrics": Metrics(descriptors={"held_out": found})})
    return GeneratorRecord.model_validate_json(kept.model_dump_json())


def test_what_the_map_mends_is_no_error() -> None:
    found = scored([0.1, 0.2, 0.3, 0.35, 0.4], [0.2, 0.4, 0.6, 0.7, 0.8]).metrics.descriptors["held_out"]
    one = found["phase_fraction"]
    assert one.r2 == pytest.approx(1.0)
    assert one.mae == pytest.approx(0.0, abs=1e-12)
    assert one.mae_uncalibrated == pytest.approx(0.27)
    assert one.r2_uncalibrated < 0


def test_a_value_that_has_no_logarithm_is_none_and_the_record_stays_readable() -> None:
    one = scored([0.0, 0.2, 0.3, 0.35, 0.4], [0.2, 0.4, 0.6, 0.7, 0.9]).metrics.descriptors["held_out"][
        "phase_fraction"
    ]
    assert one.n_conditions == 4
    assert one.mae == pytest.approx(0.025)


def test_nothing_to_be_measured_is_no_division() -> None:
    one = scored([0.1, 0.2, 0.3, 0.35, 0.4], [0.0] * 5).metrics.descriptors["held_out"]["phase_fraction"]
    assert np.isfinite(one.relative)
    assert one.mae == pytest.approx(0.54)
