import numpy as np
import pytest
import tifffile

from models.errors import UnusableInput
from models.inverse.references import measure_references


@pytest.fixture
def discs(tmp_path):
    """Two images of discs of 6 µm on a dark ground, pixel size 0.25 µm."""
    row, column = np.mgrid[:128, :128]
    for k, offset in enumerate((0, 2)):
        image = np.full((128, 128), 40, np.uint8)
        for y, x in ((32, 32), (32, 96), (96, 32), (96, 96)):
            image[(row - y - offset) ** 2 + (column - x) ** 2 < 12**2] = 180
        tifffile.imwrite(tmp_path / f"{k}.tif", image)
    return tmp_path


def test_what_the_images_show_is_found_out(discs):
    shown = measure_references([discs], pixel_size_um=0.25)
    assert shown["d50_um"] == pytest.approx(6.0, rel=0.05)
    assert shown["sphericity_mean"] > 0.9
    assert "texture_mean" not in shown


def test_asked_descriptors_are_measured_on_every_image(discs):
    asked = measure_references([discs / "0.tif"], ["d50_um", "phase_fraction"], pixel_size_um=0.25)
    assert asked["d50_um"] == pytest.approx(6.0, rel=0.05)
    assert asked["phase_fraction"] == pytest.approx(4 * np.pi * 12**2 / 128**2, rel=0.05)


def test_a_descriptor_that_the_images_do_not_show_is_named(tmp_path):
    tifffile.imwrite(tmp_path / "blank.tif", np.full((128, 128), 90, np.uint8))
    with pytest.raises(UnusableInput, match="d50_um cannot be measured on the reference images"):
        measure_references([tmp_path], ["d50_um"], pixel_size_um=0.25)
