import numpy as np
import pytest

from sim.information_bar import scale_length_um, with_bar


def test_the_bar_lies_below_the_untouched_field() -> None:
    field = np.random.default_rng(0).integers(0, 255, (960, 1280), dtype=np.uint8)
    image = with_bar(field, pixel_size_um=0.033073, magnification=3000.0, kilovolts=5.0)
    assert image.shape == (1024, 1280)
    assert np.array_equal(image[:960], field)
    bar = image[961:]
    assert np.median(bar) == 0
    # The scale bar is the one solid run of white: 5 µm of 8.47 µm, which is a fifth of the field.
    middle = bar[bar.shape[0] // 2] == 255
    runs = np.diff(np.flatnonzero(np.diff(np.r_[0, middle, 0])))[::2]
    assert runs.max() == pytest.approx(5.0 / 0.033073, abs=2)


@pytest.mark.parametrize(("longest", "length"), [(8.47, 5.0), (1.0, 1.0), (0.39, 0.2), (25.4, 20.0)])
def test_the_scale_is_a_round_number(longest: float, length: float) -> None:
    assert scale_length_um(longest) == pytest.approx(length)
