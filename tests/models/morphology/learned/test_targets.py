import numpy as np
import pytest

from models.morphology.learned.targets import SEAM_WEIGHT, outline, relative_distance, weights


def two_squares():
    """Two 9 px squares side by side, and a 3 px one."""
    labels = np.zeros((30, 40), np.int32)
    labels[5:14, 5:14] = 1
    labels[5:14, 14:23] = 2
    labels[22:25, 30:33] = 3
    return labels


def test_the_outline_runs_between_touching_particles_and_not_on_the_ground():
    marked = outline(two_squares())
    assert marked[9, 13]
    assert marked[9, 14]
    assert not marked[9, 9]
    assert not marked[two_squares() == 0].any()


def test_the_distance_is_one_in_the_middle_of_every_particle_large_or_small():
    labels = two_squares()
    distance = relative_distance(labels)
    assert distance[9, 9] == distance[9, 18] == pytest.approx(1.0)
    assert distance[23, 31] == pytest.approx(1.0)
    assert distance[9, 13] < 0.2
    assert (distance[labels == 0] == 0).all()


def test_a_particle_cut_by_the_frame_has_no_edge_there():
    labels = np.zeros((20, 20), np.int32)
    labels[:, :8] = 1
    distance = relative_distance(labels)
    assert distance[10, 0] == pytest.approx(1.0)
    assert distance[10, 7] < 0.2


def test_pixels_of_small_particles_count_more():
    weight = weights(two_squares())
    assert weight[23, 31] > weight[9, 9] > weight[0, 0] == 1.0


def test_pixels_where_two_particles_meet_count_more_than_those_at_the_ground():
    weight = weights(two_squares())
    assert weight[9, 13] == weight[9, 14] == pytest.approx(SEAM_WEIGHT * weight[9, 9])
    assert weight[9, 5] == weight[9, 9]


def test_nothing_there_is_nothing_to_learn():
    empty = np.zeros((8, 8), np.int32)
    assert not outline(empty).any()
    assert not relative_distance(empty).any()
