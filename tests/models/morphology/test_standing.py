import numpy as np
import pytest

from models.morphology.particles import ParticleMeasure
from models.morphology.standing import Standing, standings, touching


def blocks():
    """Four squares of 20 px: free, cut by the frame, and two that share a side."""
    labels = np.zeros((100, 120), np.int32)
    labels[10:30, 10:30] = 1
    labels[0:20, 60:80] = 2
    labels[50:70, 20:40] = 3
    labels[50:70, 40:60] = 4
    return labels


def test_a_particle_is_whole_cut_or_hidden():
    assert standings(blocks()).tolist() == [Standing.WHOLE, Standing.CUT, Standing.WHOLE, Standing.WHOLE]
    # One side of four is a quarter; a little more is too much.
    labels = blocks()
    labels[70, 41:60] = 3
    assert standings(labels)[2:].tolist() == [Standing.HIDDEN, Standing.HIDDEN]


def test_touching_is_the_share_of_the_outline():
    assert touching(blocks()) == pytest.approx([0.0, 0.0, 0.25, 0.25])


def test_a_field_without_particles_has_no_standings():
    assert standings(np.zeros((20, 20), np.int32)).size == 0


def test_sphericity_is_that_of_particles_that_touch_no_other(field):
    class Known:
        def segment(self, pixels):
            y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
            labels = np.zeros(pixels.shape, np.int32)
            for label, (cx, cy, r) in enumerate(places, start=1):
                labels[np.hypot(x + 0.5 - cx, y + 0.5 - cy) < r] = label
            return labels

    places = [(50, 50, 25), (98, 50, 25), (50, 130, 25), (110, 130, 25)]
    pixels = field((180, 160), places)
    everything = ParticleMeasure(Known(), touching_limit=0.25).measure(pixels, 1.0).samples
    strict = ParticleMeasure(Known()).measure(pixels, 1.0).samples
    assert everything["label"].tolist() == [1, 2, 3, 4]
    assert np.isfinite(everything["sphericity"]).all()
    assert np.isnan(strict["sphericity"]).tolist() == [True, True, False, False]
    np.testing.assert_array_equal(strict["diameter_um"], everything["diameter_um"])


def test_where_none_lies_free_there_is_no_sphericity_and_it_says_so(field):
    class Halves:
        def segment(self, pixels):
            labels = np.zeros(pixels.shape, np.int32)
            labels[40:70, 40:80], labels[70:100, 30:70] = 1, 2
            return labels

    found = ParticleMeasure(Halves()).measure(field((140, 120), [(60, 70, 30)]), 1.0)
    assert np.isnan(found.samples["sphericity"]).all()
    assert any("lies free" in remark for remark in found.warnings)
