import numpy as np
import pytest

from models.morphology.learned.instances import Cut, combined, cut, enlarged
from models.morphology.learned.scores import f1, matches
from models.morphology.learned.targets import outline, relative_distance


def discs(shape, *places):
    row, column = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for number, (x, y, radius) in enumerate(places, start=1):
        labels[(column - x) ** 2 + (row - y) ** 2 <= radius**2] = number
    return labels


def perfect(labels):
    return np.stack([labels > 0, outline(labels), relative_distance(labels)]).astype(np.float32)


def test_perfect_maps_give_the_particles_back():
    true = discs(
        (120, 160), (30, 30, 20), (66, 32, 17), (110, 80, 30), (140, 20, 4), (30, 90, 8), (46, 92, 9)
    )
    found = cut(perfect(true), Cut())
    assert found.max() == 6
    assert f1([found], [true]) == 1.0


def test_a_weak_dent_in_the_distance_splits_nothing():
    true = discs((80, 80), (40, 40, 25))
    maps = perfect(true)
    maps[2, 38:42] *= 0.93
    assert cut(maps, Cut()).max() == 1


def test_no_interior_no_particles():
    assert cut(np.zeros((3, 16, 16), np.float32), Cut()).max() == 0


def test_f1_counts_missed_and_invented_particles():
    true = discs((60, 60), (15, 15, 8), (45, 45, 8))
    found = discs((60, 60), (15, 16, 8), (45, 15, 8))
    assert matches(found, true) == (1, 2, 2)
    assert f1([found], [true]) == pytest.approx(0.5)


def test_labels_on_a_finer_grid_have_smooth_outlines():
    true = discs((480, 640), (200, 200, 100), (430, 250, 120))
    coarse = perfect(discs((120, 160), (49.6, 49.6, 25), (107.1, 62.1, 30)))
    coarse[0] = true.astype(bool).reshape(120, 4, 160, 4).mean(axis=(1, 3))
    found = cut(coarse, Cut(), (480, 640))
    assert found.shape == true.shape
    assert np.count_nonzero((found > 0) != (true > 0)) < 0.01 * np.count_nonzero(true)


def test_enlarging_interpolates_between_the_middles_of_pixels():
    ramp = np.arange(4, dtype=np.float32)[None, :].repeat(3, axis=0)
    fine = enlarged(ramp, (3, 8))
    assert fine[0] == pytest.approx([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    assert enlarged(ramp.T, (8, 3))[:, 0] == pytest.approx(fine[0])


def test_large_particles_of_the_coarse_grid_stay_and_small_ones_come_from_the_fine_grid():
    coarse = discs((200, 200), (60, 60, 40), (150, 150, 15))
    fine = discs((200, 200), (45, 60, 20), (80, 60, 18), (143, 150, 7), (158, 150, 7), (20, 180, 5))
    found = combined(coarse, fine, 2.0)
    assert found.max() == 4
    assert len(np.unique(found[coarse == 1])) == 1
    assert found[150, 143] != found[150, 158]
    assert found[180, 20] > 0
