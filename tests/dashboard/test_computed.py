"""What the worker computes: own images measured and judged, predictions, samples."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from dashboard.computed import imagine, measure_images, phase_representativity, samples
from models.errors import UnusableInput

pytestmark = pytest.mark.slow

CONDITIONS = {
    "pH": 10.4,
    "naoh_factor": 0.16,
    "nh4oh_factor": 0.19,
    "time_min": 370.0,
    "atmosphere": "N2",
    "stirring_rpm": 1000.0,
    "total_metal_M": 2.0,
    "temperature_C": 50.0,
}


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _blobs(seed: int, size: int = 256) -> np.ndarray:
    smooth = gaussian_filter(np.random.default_rng(seed).normal(size=(size, size)), 4)
    return (255 * (smooth > 0)).astype(np.uint8)


def test_images_of_one_sample_are_measured_each_and_together():
    rough = [(_blobs(n) * 0.6 + 50 + np.random.default_rng(n).normal(0, 4, (256, 256))) for n in range(3)]
    files = tuple((f"f{n}.png", _png(one.clip(0, 255).astype(np.uint8))) for n, one in enumerate(rough))
    found = measure_images(files, "phase", 0.02)
    assert [one.name for one in found.images] == ["f0.png", "f1.png", "f2.png"]
    pooled = found.pooled["phase_fraction"]
    assert pooled.n_fields == 3
    assert pooled.low < 0.5 < pooled.high
    assert found.images[0].overlay.startswith(b"\xff\xd8")


def test_an_image_without_a_pixel_size_is_refused_by_the_name_that_it_came_with():
    with pytest.raises(UnusableInput, match=r"mine\.png") as refused:
        measure_images((("mine.png", _png(_blobs(0))),), "phase", None)
    assert "/tmp" not in str(refused.value)


def test_what_is_no_image_is_refused():
    with pytest.raises(UnusableInput, match=r"mine\.png"):
        measure_images((("mine.png", b"not an image"),), "auto", 0.02)
    with pytest.raises(UnusableInput, match="no image that can be read"):
        phase_representativity((("mine.png", b"not an image"),), 0.05)


def test_a_segmented_image_is_judged_and_a_grey_one_refused():
    found = phase_representativity((("a.png", _png(_blobs(0))),), 0.05)
    assert found.ci[0] < 0.5 < found.ci[1]
    assert not found.representative
    with pytest.raises(UnusableInput, match="grey values"):
        phase_representativity((("a.png", _png(np.arange(256, dtype=np.uint8).reshape(16, 16))),), 0.05)


def test_a_version_imagines_and_predicts():
    found = imagine("lmr-6", CONDITIONS, 0)
    assert found.version == "lmr-6"
    assert found.estimates["d50_um"].mean == pytest.approx(7.5, abs=2)
    assert found.distance < 1
    assert {m: len(tiles) for m, tiles in found.pictures.items()} == {3000: 4, 15000: 4}
    assert Image.open(io.BytesIO(found.pictures[3000][0])).size == (128, 128)


def test_samples_are_of_conditions_that_were_held_out():
    found = samples("lmr-6")
    assert {one[1] for one in found} == {3000, 15000}
    assert all(len(one[3]) == 4 for one in found)
    assert "pH" in found[0][0]
