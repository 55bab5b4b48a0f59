"""A view is measured by the segmenter that it names."""

import numpy as np
import pytest

from campaigns.specification import View
from flows.measuring import measures_of
from models.morphology.classical import ClassicalSegmenter
from models.morphology.particles import ParticleMeasure


def particles(**words: object) -> ParticleMeasure:
    view = View(magnification=3000, descriptors=("d50_um", "texture_mean"), **words)  # type: ignore[arg-type]
    measures = measures_of(view)
    assert set(measures) == {"particles", "texture"}
    measure = measures["particles"]
    assert isinstance(measure, ParticleMeasure)
    return measure


def test_the_classical_segmenter_where_the_view_names_it():
    assert isinstance(particles(segmenter="classical").segmenter, ClassicalSegmenter)


@pytest.mark.slow
def test_the_learned_segmenter_unless_told():
    y, x = np.mgrid[:240, :320]
    field = (0.2 + 0.5 * (np.hypot((x % 80) - 40, (y % 80) - 40) < 28)).astype(np.float32)
    field += np.random.default_rng(0).normal(0, 0.01, field.shape).astype(np.float32)
    measure = particles()
    assert type(measure.segmenter).__name__ == "LearnedSegmenter"
    assert particles(segmenter="learned") is measure
    found = measure.pool([measure.measure(field, 0.1)])
    assert found["d50_um"] == pytest.approx(5.6, rel=0.05)
