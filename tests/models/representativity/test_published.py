import json
from pathlib import Path

import numpy as np
import pytest

from models.representativity import estimate

REFERENCES = Path(__file__).parent / "published"
RESULTS = json.loads((REFERENCES / "reference.json").read_text(encoding="utf-8"))["results"]


def reference(name):
    with np.load(REFERENCES / f"{name}.npz") as file:
        shape = tuple(file["shape"])
        return np.unpackbits(file["bits"])[: np.prod(shape)].reshape(shape)


@pytest.mark.parametrize("name", RESULTS)
def test_the_published_implementation_gives_the_same_numbers(name):
    images = [reference(one) for one in name.removeprefix("stack: ").split(" + ")]
    for setting, wanted in RESULTS[name].items():
        confidence, target = (float(part.split("=")[1]) for part in setting.split())
        found = estimate(images, confidence, target, method="imagerep")
        assert found.phase_fraction == pytest.approx(wanted["phase_fraction"], rel=1e-9)
        assert found.integral_range_px == pytest.approx(wanted["integral_range"], rel=1e-4)
        assert found.abs_error == pytest.approx(wanted["abs_err"], rel=1e-4)
        assert found.required_size_px == pytest.approx(wanted["l"], rel=1e-4)


def squares(side, cell, seed):
    """Square cells that are one phase or the other, from a generator whose stream is fixed."""
    cells = np.random.Generator(np.random.PCG64(seed)).random((side // cell, side // cell)) < 0.4
    return np.kron(cells, np.ones((cell, cell), np.uint8)).astype(np.uint8)


def test_a_random_checkerboard_has_the_integral_range_of_its_cells():
    # ∫ of the correlation of square cells is the area of a cell.
    found = estimate(squares(960, 12, 0), method="imagerep")
    assert found.integral_range_px == pytest.approx(12, rel=0.3)
    assert found.method == "imagerep"


def test_both_estimators_agree_on_an_easy_image(blobs):
    image = blobs((1000, 1000), 4)
    ours, theirs = estimate(image), estimate(image, method="imagerep")
    assert theirs.integral_range_px == pytest.approx(ours.integral_range_px, rel=0.25)
    assert theirs.phase_fraction == ours.phase_fraction


def test_interval_and_size_follow_from_the_integral_range(blobs):
    found = estimate(blobs((600, 600)), confidence=0.95, target_error=0.02, method="imagerep")
    low, high = found.ci
    assert (low + high) / 2 == pytest.approx(found.phase_fraction)
    # The relative error falls with one over the side.
    assert found.required_size_px == pytest.approx(600 * found.rel_error / 0.02, rel=1e-6)


def test_a_stack_averages_integral_ranges(blobs):
    fields = [blobs((400, 400), 3), blobs((400, 400), 6, seed=1)]
    alone = [estimate(field, method="imagerep").integral_range_px for field in fields]
    assert estimate(fields, method="imagerep").integral_range_px == pytest.approx(np.mean(alone))


def test_what_never_ended_there_ends_here():
    noise = np.random.default_rng(0).random((64, 64, 64)) < 0.5
    found = estimate(noise, method="imagerep")
    assert found.phase_fraction == pytest.approx(0.5, abs=0.01)
