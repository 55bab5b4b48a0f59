import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from models.morphology import quantify
from models.morphology.grains import intercepts

SHAPE = (400, 500)


def tessellation(number: int = 120) -> np.ndarray:
    """Cells (H, W) nearest to random points, at ``number`` per field."""
    margin = 60
    size = np.array(SHAPE) + 2 * margin
    rng = np.random.default_rng(number)
    points = rng.uniform(-margin, size - margin, (int(number * size.prod() / np.prod(SHAPE)), 2))
    places = np.stack(np.mgrid[: SHAPE[0], : SHAPE[1]], -1).reshape(-1, 2)
    return cKDTree(points).query(places)[1].reshape(SHAPE).astype(np.int32)


def drawn(cells: np.ndarray, kind: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    if kind == "steps":
        image = rng.uniform(0.2, 0.8, cells.max() + 1)[cells]
    else:
        edge = (ndimage.maximum_filter(cells, 3) != cells).astype(float)
        image = 0.5 + (0.25 if kind == "bright" else -0.25) * edge
    return ndimage.gaussian_filter(image, 0.8) + rng.normal(0, 0.03, SHAPE)


def test_intercepts_of_random_cells_have_the_length_of_theory():
    # A Poisson–Voronoi tessellation of intensity λ has a mean chord of π/(4·sqrt(λ)).
    length, crossings = intercepts(tessellation(600))
    expected = np.pi / 4 / np.sqrt(600 / np.prod(SHAPE))
    assert length.sum() / crossings.sum() == pytest.approx(expected, rel=0.04)
    # No direction is preferred.
    assert length / crossings == pytest.approx(np.full(4, expected), rel=0.08)


@pytest.mark.parametrize(("kind", "within"), [("dark", 0.04), ("bright", 0.04), ("steps", 0.10)])
def test_grains_are_told_apart_by_lines_or_by_steps(kind, within):
    cells = tessellation()
    length, crossings = intercepts(cells)
    result = quantify(drawn(cells, kind), 0.5, kind="grains")
    expected = 0.5 * length.sum() / crossings.sum()
    assert result.descriptors["grain_intercept_um"] == pytest.approx(expected, rel=within)
    assert result.labels.min() == 1


def test_one_grain_has_no_intercept_and_says_so():
    result = quantify(np.full((64, 64), 0.5), 1.0, kind="grains")
    assert np.isnan(result.descriptors["grain_intercept_um"])
    assert "1 grains" not in result.warnings[0]
    assert "E112" in result.warnings[0]
