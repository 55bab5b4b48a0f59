"""What is rejected and what is not, on rendered fields of both plants at every magnification."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from models.micrographs import quality
from sim.fault_images import spoilt
from sim.faults import Fault
from sim.lmr import LMRPlant
from sim.membrane import MembranePlant

pytestmark = pytest.mark.slow

PRECURSOR = {"pH": 10.5, "naoh_factor": 0.15, "nh4oh_factor": 0.2, "time_min": 480.0, "atmosphere": "N2"}
PLATES = {**PRECURSOR, "atmosphere": "O2", "pH": 10.9}
MEMBRANE = {"polymer_wt_pct": 16.0, "nonsolvent_pct": 4.0, "bath_temperature_C": 30.0, "evaporation_s": 30.0}
CASES: dict[str, tuple[Any, dict[str, Any], int]] = {
    "membrane": (MembranePlant(1), MEMBRANE, 5000),
    "particles": (LMRPlant(1), PRECURSOR, 3000),
    "needles": (LMRPlant(1), PRECURSOR, 15000),
    "plates": (LMRPlant(1), PLATES, 15000),
}


def fields(case: str, count: int) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    plant, conditions, magnification = CASES[case]
    sample = plant.synthesise(conditions, batch=1)
    return [plant.render(sample, magnification=magnification, field=f).pixels for f in range(count)]


def grey(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return pixels.astype(np.float32) / np.float32(255)


@pytest.fixture(scope="module", params=CASES)
def good(request: pytest.FixtureRequest) -> list[np.ndarray[Any, Any]]:
    return fields(request.param, 3)


def test_good_fields_pass_and_are_no_twins(good: list[np.ndarray[Any, Any]]) -> None:
    assert [quality.unfit(quality.assess(grey(pixels))) for pixels in good] == [None] * len(good)
    details = [quality.detail(grey(pixels)) for pixels in good]
    assert [quality.softer(one, details) for one in details] == [None] * len(good)
    prints = [quality.fingerprint(grey(pixels)) for pixels in good]
    assert quality.seen_before(prints[2], prints[:2]) is None
    assert quality.seen_before(prints[0], []) is None


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("black_image", "black or empty"),
        ("saturated_image", "saturated: "),
        ("misfocused_image", "out of focus"),
        ("charged_image", "charged"),
    ],
)
def test_spoilt_fields_are_rejected_for_what_they_are(
    good: list[np.ndarray[Any, Any]], kind: str, word: str
) -> None:
    rng = np.random.default_rng(2)
    reason = quality.unfit(quality.assess(grey(spoilt(good[0], Fault(kind=kind, field=1), rng))))
    assert reason is not None
    assert reason.startswith(word)


def test_the_same_scene_is_known_again_with_other_noise_and_a_small_shift(
    good: list[np.ndarray[Any, Any]],
) -> None:
    again = grey(spoilt(good[0], Fault(kind="stage_stuck", field=2), np.random.default_rng(3)))
    moved = np.roll(again, (5, -9), axis=(0, 1))
    prints = [quality.fingerprint(grey(good[1])), quality.fingerprint(grey(good[0]))]
    for image in (again, moved):
        assert quality.seen_before(quality.fingerprint(image), prints) == 1
    assert quality.likeness(prints[0], prints[0][:-1]) == 0.0


def test_detail_falls_with_defocus_as_it_should() -> None:
    (pixels,) = fields("particles", 1)
    sharp = grey(pixels)
    found = [quality.assess(ndimage.gaussian_filter(sharp, sd)).detail for sd in (0.0, 1.0, 2.0)]
    # 0.19 b² between the bands' middles, 0.11 and 0.035 cycles per pixel.
    assert found[0] - found[1] == pytest.approx(0.19, abs=0.05)
    assert found[0] - found[2] == pytest.approx(0.75, abs=0.15)


def test_a_field_is_out_of_focus_beside_sharper_ones() -> None:
    assert quality.softer(-2.9, []) is None
    assert quality.softer(-2.9, [-2.0, -2.2, -2.9]) is None
    assert str(quality.softer(-3.1, [-2.0, -2.0, -3.1])).startswith(
        "out of focus: log10 of its fine detail is -3.1"
    )
    # Of two fields the sharper one counts.
    assert quality.softer(-3.1, [-3.1, -2.0]) is not None


def test_extremes_are_judged_without_trouble() -> None:
    for level in (0.0, 0.5, 1.0):
        flat = np.full((64, 80), level, np.float32)
        assert quality.unfit(quality.assess(flat)) is not None
        assert np.isfinite(quality.fingerprint(flat)).all()
    noise = np.random.default_rng(0).random((240, 320), np.float32)
    assert "out of focus" in str(quality.unfit(quality.assess(noise)))


def test_a_little_saturation_is_no_reason() -> None:
    (pixels,) = fields("particles", 1)
    bright = grey(pixels).copy()
    bright[:40, :200] = 1.0
    found = quality.assess(bright)
    assert 0.005 < found.saturated < 0.01
    assert quality.unfit(quality.assess(bright)) is None
    assert replace(found, saturated=0.0) != found
